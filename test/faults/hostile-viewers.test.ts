import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ViewerProcess } from '../helpers/viewer-process.js';
import { until } from '../helpers/until.js';
import { attacks, closeCodeIn } from '../viewers/support/client-frames.js';
import { TestViewer } from '../viewers/support/client.js';
import { rawUpgrade, upgradeHeaders } from '../viewers/support/raw-http.js';
import { fuzzedFrames } from './fuzzed-frames.js';
import { report } from './report.js';
import { SeededRandom } from './seeded-random.js';

/**
 * F28: viewers that break the protocol, to take memory or to bring the service down. The server is a process of its own, so that its
 * memory is known. What each attack is closed with, and that it costs nobody else anything, is in test/viewers/viewer-server.test.ts.
 */

const MB = 1024 * 1024;
const TOGETHER = 25;
const SEED = 20_260_730;
const TARGET_MB = 2;

let server: ViewerProcess;
beforeEach(async () => {
  server = await ViewerProcess.start();
});
afterEach(() => server.kill());

/** Upgrades a connection, sends bytes, and waits until the server says goodbye or cuts it off.
 * @param patienceMs after which one that is still open is left: nothing it sent was wrong enough
 * @returns the code it was closed with */
async function attack(bytes: Buffer, patienceMs = 10_000): Promise<number | 'cut off' | 'still open'> {
  const socket = connect(server.port, '127.0.0.1');
  let received = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => (received = Buffer.concat([received, chunk])));
  socket.on('error', () => undefined); // it is cut off in the middle of what it sends
  try {
    socket.write(`GET /ws HTTP/1.1\r\n${Object.entries(upgradeHeaders(server.port)).map(([name, value]) => `${name}: ${value}`).join('\r\n')}\r\n\r\n`);
    await until(() => socket.closed || received.includes('"hello"'), { what: 'hello' });
    socket.write(bytes);
    const code = (): number | null => closeCodeIn(received.subarray(received.indexOf('\r\n\r\n') + 4));
    const endMs = performance.now() + patienceMs;
    await until(() => socket.closed || code() !== null || performance.now() > endMs, { timeoutMs: patienceMs + 5000 });
    return code() ?? (socket.closed ? 'cut off' : 'still open');
  } finally {
    socket.destroy();
    await until(() => socket.closed);
  }
}

async function inGroups<T, R>(items: readonly T[], run: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let at = 0; at < items.length; at += TOGETHER) results.push(...(await Promise.all(items.slice(at, at + TOGETHER).map(run))));
  return results;
}

/** Codes that may stand in a close frame (RFC 6455, 7.4), and 1005: it had none. A goodbye is answered with its own code. */
function isCloseCode(code: number): boolean {
  return (code >= 1000 && code <= 1014 && code !== 1004 && code !== 1006) || (code >= 3000 && code <= 4999);
}

describe('hostile viewers (F28)', () => {
  it('with 2000 headers are refused before the upgrade', async () => {
    // 101 and 400 are in test/viewers/access.test.ts; here the head is over the limit in bytes as well.
    const headers = Object.fromEntries(Array.from({ length: 2000 }, (_each, index) => [`a${String(index)}`, '1']));
    expect((await rawUpgrade(server.port, headers)).status).toBe(431);
  });

  it('are not given compression, however they ask for it', async () => {
    for (const offer of ['permessage-deflate', 'permessage-deflate; client_max_window_bits; server_max_window_bits=8', 'permessage-deflate, permessage-deflate', '__proto__; constructor=1', `x${', x'.repeat(4000)}`]) {
      const { status, head } = await upgradeAndLeave({ 'Sec-WebSocket-Extensions': offer });
      expect([101, 400]).toContain(status);
      expect(head).not.toMatch(/sec-websocket-extensions/iu);
    }
  });

  it('of any kind, made up by chance, end or are answered, and harm nobody else', async () => {
    const neighbour = await TestViewer.connect(server.port);
    neighbour.send({ type: 'subscribe', stream: 'door' });
    const random = new SeededRandom(SEED);
    const outcomes = await inGroups(Array.from({ length: 600 }, () => fuzzedFrames(random)), (bytes) => attack(bytes, 300));
    const counts: Record<string, number> = {};
    for (const outcome of outcomes) counts[String(outcome)] = (counts[String(outcome)] ?? 0) + 1;
    report('F28 fuzz', { connections: outcomes.length, ...counts });
    expect(outcomes.filter((outcome) => typeof outcome === 'number' && !isCloseCode(outcome))).toEqual([]);
    const before = neighbour.frames.length;
    await until(() => neighbour.frames.length > before + 2);
    expect([server.isAlive, neighbour.closeCode]).toEqual([true, null]);
  });

  it('take no memory that they do not give back, each closed with its code', async () => {
    const kinds = attacks();
    const wave = Array.from({ length: Math.ceil(500 / kinds.length) }, () => kinds).flat();
    const run = async (): Promise<void> => {
      const codes = await inGroups(wave, ({ bytes }) => attack(bytes));
      expect(codes).toEqual(wave.map(({ code }) => code));
    };
    // The first wave makes the process as large as it gets: code is compiled, pools are filled.
    await run();
    const before = await server.residentBytes();
    await run();
    await run();
    const after = await server.residentBytes();
    const perHundredMb = (after - before) / MB / ((2 * wave.length) / 100);
    report('F28 memory', { attackers: 2 * wave.length, 'resident before MB': before / MB, 'after MB': after / MB, 'more MB per 100': perHundredMb, target: TARGET_MB });
    expect(perHundredMb).toBeLessThanOrEqual(TARGET_MB);
  });

  it('take little memory while they are connected', async () => {
    // Some first, whose memory is not given back before the others come: what they find free would be no measure.
    const viewers = await connectMany(200);
    const before = await server.residentBytes();
    viewers.push(...(await connectMany(1000)));
    const perHundredMb = ((await server.residentBytes()) - before) / MB / 10;
    report('F28 memory while connected', { attackers: 1000, 'resident before MB': before / MB, 'more MB per 100': perHundredMb, target: TARGET_MB });
    // 19 KB each, the 4 KB that they sent included: too near to the target to fail for a page more or less.
    expect(perHundredMb).toBeLessThanOrEqual(1.25 * TARGET_MB);
    for (const { ws } of viewers) ws.terminate();
  });
});

/** Viewers that each begin a message of nearly the largest size and never end it. */
async function connectMany(count: number): Promise<TestViewer[]> {
  const viewers = await inGroups(Array.from({ length: count }), () => TestViewer.connect(server.port));
  for (const { ws } of viewers) ws.send('x'.repeat(4000), { fin: false });
  await until(() => viewers.every(({ ws }) => ws.bufferedAmount === 0));
  return viewers;
}

/** A handshake with these headers, and its answer's head; the connection is left as soon as that is there. */
function upgradeAndLeave(headers: Record<string, string>): Promise<{ readonly status: number; readonly head: string }> {
  return new Promise((resolve, reject) => {
    const socket = connect(server.port, '127.0.0.1');
    let text = '';
    socket.on('error', reject);
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      const [head, rest] = text.split('\r\n\r\n', 2);
      if (head === undefined || rest === undefined) return;
      socket.destroy();
      resolve({ status: Number(/^HTTP\/1\.1 (\d{3})/u.exec(head)?.[1]), head });
    });
    socket.write(`GET /ws HTTP/1.1\r\n${Object.entries({ ...upgradeHeaders(server.port), ...headers }).map(([name, value]) => `${name}: ${value}`).join('\r\n')}\r\n\r\n`);
  });
}
