// A viewer server in a process of its own, with one stream `door` of small made-up pictures, so that its memory is nobody else's. Options come as an argument.
import { setInterval } from 'node:timers';
import { createLogger } from '../../dist/telemetry/logger.js';
import { createMetrics } from '../../dist/telemetry/metrics.js';
import { startViewerServer } from '../../dist/viewers/viewer-server.js';

/** @typedef {import('../../src/viewers/stream-directory.js').DirectoryListener} DirectoryListener */
/** @typedef {import('../../src/core/frames.js').OfferedFrame} OfferedFrame */

const given = /** @type {unknown} */ (JSON.parse(process.argv[2] ?? '{}'));
const options = /** @type {{ limits?: object }} */ (given);
const jpeg = Buffer.concat([Buffer.from([0xff, 0xd8, 0xff]), Buffer.alloc(20_000, 7)]);
const status = /** @type {import('../../src/core/stream-status.js').StreamStatus} */ ({
  id: 'door', name: 'Door', mode: 'live', state: 'running', source: 'rtsp://camera/door', widthPx: 640, heightPx: 360, declaredFps: 10, measuredFps: 10, ageMs: 1, positionMs: null, durationMs: null, speed: null,
  detector: { state: 'ok', message: 'detector 1' }, counters: { decoded: 0, shown: 0, inFlight: 0, viewerSkipped: 0, dropped: {}, failed: {} }, error: null, retryAtMs: null, restarts: 0, activeSource: null, decoder: 'software',
});
/** @type {Set<DirectoryListener>} */
const listeners = new Set();
let seq = 0;

/** @returns {OfferedFrame} */
function nextFrame() {
  const facts = { streamId: 'door', seq: seq++, ptsMs: seq * 100, capturedAtMs: Date.now() };
  const annotated = { ...facts, model: { name: 'detector', version: '1' }, detections: [], widthPx: 640, heightPx: 360, timingsMs: { capture: 0, queue: 0, predict: 0, annotate: 0 }, jpeg };
  return { ...facts, retain: () => undefined, release: () => undefined, render: () => Promise.resolve(annotated) };
}

const server = await startViewerServer({
  host: '127.0.0.1',
  port: 0,
  directory: {
    list: () => [status],
    get: (id) => (id === 'door' ? status : undefined),
    latest: () => undefined,
    watch: () => () => undefined,
    addViewerSkipped: () => undefined,
    control: () => Promise.resolve(),
    listen: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  },
  webRoot: '/nowhere',
  metrics: createMetrics(),
  readiness: () => ({ ready: true, message: '' }),
  tokens: [],
  log: createLogger({ level: 'silent', format: 'json' }),
  limits: options.limits ?? {},
});
setInterval(() => {
  const frame = nextFrame();
  for (const listener of listeners) listener.onFrame(frame);
}, 100);

process.on('message', () => {
  // A few rounds: what finalizers let go of is collected in the next.
  for (let round = 0; round < 4; round += 1) globalThis.gc?.();
  const connections = process.getActiveResourcesInfo().filter((resource) => resource === 'TCPSocketWrap').length;
  process.send?.({ residentBytes: process.memoryUsage.rss(), connections });
});
// The parent is gone.
process.on('disconnect', () => { process.exit(0); });
process.send?.({ port: server.port });
