import { describe, expect, it, onTestFinished } from 'vitest';
import { FaultProxy } from '../helpers/fault-proxy.js';
import { until } from '../helpers/until.js';
import { TestViewer } from '../viewers/support/client.js';
import { startServer, type RunningServer } from '../viewers/support/server.js';
import { report } from './report.js';

const FPS = 10;
const JPEG_BYTES = 8_000;
/** Two frames on their way at 10 KB/s take 1.7 s; the rest is the machine's. */
const BOUND_MS = 3_500;

/** A viewer behind a proxy, and one beside it. */
async function connectBoth(server: RunningServer): Promise<{ proxy: FaultProxy; behind: TestViewer; beside: TestViewer }> {
  const proxy = await FaultProxy.start(server.port);
  onTestFinished(() => proxy.close());
  const [behind, beside] = await Promise.all([TestViewer.connect(proxy.port, { headers: { Host: `127.0.0.1:${String(server.port)}` } }), TestViewer.connect(server.port)]);
  for (const viewer of [behind, beside]) {
    viewer.acknowledges = true;
    viewer.send({ type: 'subscribe', stream: 'door' });
    // As the page does: the server knows from the first frame on that this viewer acknowledges.
    viewer.send({ type: 'ack', stream: 'door', seq: 0 });
  }
  return { proxy, behind, beside };
}

function agesOf({ frames }: TestViewer): number[] {
  return frames.map(({ header, receivedAtMs }) => performance.timeOrigin + receivedAtMs - header.capturedAtMs);
}

function medianOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

describe('F24 a viewer that reads slowly', () => {
  it('gets fewer frames, none of them old, and harms nobody else', async () => {
    const server = await startServer();
    const { proxy, behind, beside } = await connectBoth(server);
    proxy.down.pieceBytes = 500;
    proxy.down.bytesPerSecond = 10_000;
    server.directory.play('door', FPS, { jpegBytes: JPEG_BYTES });
    await until(() => behind.frames.length >= 8, { timeoutMs: 30_000, what: 'eight frames on a slow line' });
    const oldestMs = Math.max(...agesOf(behind));
    const othersMs = medianOf(agesOf(beside));
    report('F24 slow viewer', { 'its frames': behind.frames.length, "others' frames": beside.frames.length, 'its oldest ms': oldestMs, "others' median ms": othersMs });
    expect(beside.frames.length).toBeGreaterThan(3 * behind.frames.length);
    expect(behind.seqs).toEqual([...new Set(behind.seqs)].sort((a, b) => a - b));
    expect(oldestMs).toBeLessThan(BOUND_MS);
    expect(othersMs).toBeLessThan(500);
    expect(server.directory.skipped('door')).toBeGreaterThan(0);
    // What is held for it: a frame that waits and one that is drawn at most.
    expect(server.directory.heldFrames).toBeLessThanOrEqual(2);
  });

  it('that takes nothing any more is cut off, and nothing is held for it', async () => {
    const server = await startServer({ limits: { stallLimitMs: 500, tickMs: 50 } });
    const viewer = await TestViewer.connect(server.port);
    viewer.send({ type: 'subscribe', stream: 'door' });
    await viewer.settle();
    viewer.ws.pause();
    server.directory.play('door', 25, { jpegBytes: 1_000_000 });
    const startMs = performance.now();
    await until(() => server.directory.watchers('door') === 0, { timeoutMs: 20_000, what: 'the viewer to be cut off' });
    report('F24 stalled viewer (limit 0.5 s)', { 'cut off after ms': performance.now() - startMs });
    await until(() => server.directory.heldFrames === 0);
  });
});

describe('F25 a viewer that is gone without a word', () => {
  it('is given up after two pings without an answer, and nothing is held for it', async () => {
    const server = await startServer({ limits: { tickMs: 20, pingIntervalMs: 200, pongWaitMs: 100 } });
    const { proxy, behind, beside } = await connectBoth(server);
    server.directory.play('door', FPS, { jpegBytes: JPEG_BYTES });
    await until(() => behind.frames.length > 2);
    expect(server.directory.watchers('door')).toBe(2);
    proxy.blackHole(true);
    const startMs = performance.now();
    await until(() => server.directory.watchers('door') === 1, { timeoutMs: 15_000, what: 'the silent viewer to be given up' });
    const tookMs = performance.now() - startMs;
    report('F25 silent viewer (pings every 0.2 s, 0.1 s to answer; by default 15 s and 5 s)', { 'given up after ms': tookMs });
    expect(beside.closeCode).toBeNull();
    const before = beside.frames.length;
    await until(() => beside.frames.length > before + 2);
  });
});
