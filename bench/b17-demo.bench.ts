import { once } from 'node:events';
import { WebSocket } from 'ws';
import { cacheDir } from '../src/config/cache-dir.js';
import { demoClipPath } from '../src/demo/demo-clip.js';
import { chooseEngine } from '../src/model-server/engines/load-engine.js';
import { readServable } from '../src/model-server/store/read-servable.js';
import { createLogger } from '../src/telemetry/logger.js';
import { decodeFrameMessage } from '../src/viewers/frame-message.js';
import { Command } from '../test/helpers/command.js';
import { descendantsOf, residentBytes } from '../test/helpers/processes.js';
import { until } from '../test/helpers/until.js';
import { measure, type Benchmark, type BenchmarkContext, type PreparedBenchmark, type Sample } from './harness/benchmark.js';
import { importNative } from './inputs/native-importer.js';
import { runBareLoop } from './inputs/bare-loop.js';

/** Threads of the bare loop's one call at a time: the cores of the machine that the goals are about. */
const THREADS = 2;
const log = createLogger({ level: 'silent', format: 'json' });

/** What comes out of the box: `sightline serve` with nothing configured, and one viewer. */
export const benchmark: Benchmark = {
  id: 'B17',
  name: 'demo',
  what: 'detected frames a second of the 1280x720 demo as a viewer gets them, by engine; beside it the same ffmpeg outputs, model and encoder in a bare loop',
  quickRounds: 1,
  prepare,
};

async function prepare({ quick }: BenchmarkContext): Promise<PreparedBenchmark> {
  const forMs = quick ? 2_000 : 10_000;
  const servable = await readServable('default', null, { cacheDir: cacheDir(), log });
  const engine = await chooseEngine('onnxruntime', servable, log, importNative);
  return {
    contenders: [
      { name: 'sightline', run: () => runDemo('auto', forMs) },
      { name: 'bare loop', run: () => bareLoop() },
      { name: 'sightline on wasm', run: () => runDemo('wasm', forMs) },
    ],
    goals: [
      { metric: 'itemsPerSecond', ours: 'sightline', peer: 'bare loop', direction: 'at-least', base: 0.65, moonshot: 0.85, failsBeyond: 0.3 },
      { metric: 'itemsPerSecond', ours: 'sightline', peer: 'sightline on wasm', direction: 'at-least', base: 3, moonshot: 5, failsBeyond: 1.5 },
    ],
    close: () => Promise.resolve(),
  };

  async function bareLoop(): Promise<Sample> {
    const model = await engine.load(servable, { threads: THREADS });
    try {
      return await measure(() => runBareLoop(demoClipPath(cacheDir()), model, forMs));
    } finally {
      await model.close();
    }
  }
}

/** Starts the service, waits until it detects, and counts the frames that a viewer gets which a model has looked at. */
async function runDemo(engine: string, forMs: number): Promise<Sample> {
  const startedMs = performance.now();
  const command = new Command(['serve', '--port', '0', '--engine', engine, '--log-level', 'error']);
  try {
    const viewer = await watch(`${(await command.url(60_000)).replace('http', 'ws')}/ws`);
    await until(() => viewer.detected > 0, { timeoutMs: 60_000, what: 'a detected frame' });
    const readyMs = performance.now() - startedMs;
    // The first calls after the start are slower.
    await until(() => viewer.detected > 10, { timeoutMs: 60_000 });
    const [before, fromMs] = [viewer.detected, performance.now()];
    await new Promise((resolve) => setTimeout(resolve, forMs));
    const items = viewer.detected - before;
    const wallMs = performance.now() - fromMs;
    const pids = [command.pid, ...(await descendantsOf(command.pid)).map(({ pid }) => pid)];
    const resident = (await Promise.all(pids.map(residentBytes))).reduce((sum, bytes) => sum + bytes, 0);
    viewer.socket.terminate();
    return { items, wallMs, cpuMs: 0, figures: { 'seconds to the first detected frame': readyMs / 1000, 'resident MB': resident / 2 ** 20 } };
  } finally {
    await command.kill();
  }
}

/** A viewer that acknowledges each frame at once. */
async function watch(url: string): Promise<{ readonly socket: WebSocket; detected: number }> {
  const viewer = { socket: new WebSocket(url, 'sightline.v1', { perMessageDeflate: false }), detected: 0 };
  viewer.socket.on('message', (data: Buffer, isBinary) => {
    if (!isBinary) return;
    const { header } = decodeFrameMessage(data);
    if (header.model !== null) viewer.detected += 1;
    viewer.socket.send(JSON.stringify({ type: 'ack', stream: header.stream, seq: header.seq }));
  });
  await once(viewer.socket, 'open');
  viewer.socket.send(JSON.stringify({ type: 'subscribe', stream: 'demo' }));
  return viewer;
}
