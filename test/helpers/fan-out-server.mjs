// A server of frames to many viewers in a process of its own, so that its CPU time and memory are its own: Sightline's, from what was built into `dist/`, or a bare
// broadcaster on `ws`. The script comes as an argument, orders come from the parent.
import { createServer } from 'node:http';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { clearInterval, setInterval } from 'node:timers';
import { WebSocketServer } from 'ws';
import { createLogger } from '../../dist/telemetry/logger.js';
import { createMetrics } from '../../dist/telemetry/metrics.js';
import { encodeFrameMessage } from '../../dist/viewers/frame-message.js';
import { startViewerServer } from '../../dist/viewers/viewer-server.js';

/** @typedef {import('./fan-out.js').FanOutScript} Script */
/** @typedef {import('../../dist/core/frames.js').AnnotatedFrame} AnnotatedFrame */
/** @typedef {import('../../dist/core/frames.js').OfferedFrame} OfferedFrame */
/** @typedef {import('../../dist/viewers/stream-directory.js').DirectoryListener} DirectoryListener */

const STREAM = 'door';
/** What the bare broadcaster lets a client buffer: as its users do, two frames. */
const BARE_FRAMES = 2;

const given = /** @type {unknown} */ (JSON.parse(process.argv[2] ?? '{}'));
const script = /** @type {Script} */ (given);
const jpeg = Buffer.alloc(script.frameBytes, 0x5a);
const detections = Array.from({ length: 3 }, (_, index) => ({ classId: index + 1, label: 'person', score: 0.9, box: /** @type {const} */ ([10, 20, 110.5, 220.25]) }));
let skipped = 0;
let seq = 0;

/** @returns {AnnotatedFrame} */
function nextFrame() {
  seq += 1;
  const capturedAtMs = performance.timeOrigin + performance.now();
  return { streamId: STREAM, seq, ptsMs: seq * 40, capturedAtMs, model: { name: 'detector', version: '1' }, detections, widthPx: 1280, heightPx: 720, timingsMs: { capture: 4, queue: 1, predict: 20, annotate: 3 }, jpeg };
}

/** @returns {Promise<{ port: number, offer: () => void }>} */
async function startOurs() {
  /** @type {Set<DirectoryListener>} */
  const listeners = new Set();
  /** @type {import('../../dist/core/stream-status.js').StreamStatus} */
  const status = {
    id: STREAM, name: STREAM, mode: 'live', state: 'running', source: 'rtsp://camera/', widthPx: 1280, heightPx: 720, declaredFps: 25, measuredFps: 25, ageMs: 40, positionMs: null, durationMs: null, speed: null,
    detector: { state: 'ok', message: '' }, counters: { decoded: 0, shown: 0, inFlight: 0, viewerSkipped: 0, dropped: {}, failed: {} }, error: null, retryAtMs: null, restarts: 0, activeSource: null, decoder: 'software',
  };
  const directory = {
    list: () => [status],
    /** @param {string} id */
    get: (id) => (id === STREAM ? status : undefined),
    latest: () => undefined,
    watch: () => () => undefined,
    /**
     * @param {string} _id
     * @param {number} count */
    addViewerSkipped: (_id, count) => { skipped += count; },
    control: () => Promise.resolve(),
    /** @param {DirectoryListener} listener */
    listen: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  const server = await startViewerServer({
    host: '127.0.0.1', port: 0, directory, webRoot: '/nowhere', metrics: createMetrics(), readiness: () => ({ ready: true, message: '' }), tokens: [],
    log: createLogger({ level: 'silent', format: 'json' }), limits: script.limits,
  });
  return {
    port: server.port,
    offer: () => {
      const annotated = Promise.resolve(nextFrame());
      const { streamId, ptsMs, capturedAtMs } = { streamId: STREAM, ptsMs: seq * 40, capturedAtMs: 0 };
      /** @type {OfferedFrame} */
      const frame = { streamId, seq, ptsMs, capturedAtMs, render: () => annotated, retain: () => undefined, release: () => undefined };
      for (const listener of listeners) listener.onFrame(frame);
    },
  };
}

/** @returns {Promise<{ port: number, offer: () => void }>} */
async function startBare() {
  const http = createServer();
  const server = new WebSocketServer({ server: http, perMessageDeflate: false, handleProtocols: () => 'sightline.v1' });
  // What viewers say is read, as ours has to.
  server.on('connection', (client) => client.on('message', () => undefined));
  await new Promise((resolve) => { http.listen(0, '127.0.0.1', () => { resolve(null); }); });
  const address = /** @type {import('node:net').AddressInfo} */ (http.address());
  return {
    port: address.port,
    offer: () => {
      const message = encodeFrameMessage(nextFrame(), Date.now());
      for (const client of server.clients) {
        if (client.bufferedAmount > 0 && client.bufferedAmount + message.length > BARE_FRAMES * message.length) skipped += 1;
        else client.send(message);
      }
    },
  };
}

const { port, offer } = script.kind === 'sightline' ? await startOurs() : await startBare();
/** @type {NodeJS.Timeout | undefined} */
let player;
const delay = monitorEventLoopDelay({ resolution: 10 });

process.on('message', (/** @type {import('./fan-out.js').ServerOrder} */ order) => {
  if (order.fps !== undefined) {
    clearInterval(player);
    if (order.fps > 0) player = setInterval(offer, 1000 / order.fps);
  }
  if (order.watchesLoop === true) {
    delay.reset();
    delay.enable();
  }
  if (order.collectsGarbage === true) globalThis.gc?.();
  const { user, system } = process.cpuUsage();
  /** @type {import('./fan-out.js').ServerFacts} */
  const facts = { cpuMs: (user + system) / 1000, rssBytes: process.memoryUsage.rss(), skipped, offered: seq, loopDelayP99Ms: delay.percentile(99) / 1e6, atMs: performance.now() };
  process.send?.(facts);
});
// The parent is gone.
process.on('disconnect', () => { process.exit(0); });
process.send?.({ port });
