import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ViewerProcess } from '../helpers/viewer-process.js';
import { until } from '../helpers/until.js';
import { TestViewer } from '../viewers/support/client.js';
import { rawUpgrade, upgradeHeaders } from '../viewers/support/raw-http.js';
import { attacks, closeCodeIn, fuzzedFrames, type Attack } from './client-frames.js';
import { report } from './report.js';
import { SeededRandom } from './seeded-random.js';

/** F28: viewers that break the protocol, to take memory or to bring the service down. The server is a process of its own, so that its memory is known. */

const MB = 1024 * 1024;
const TOGETHER = 25;
const SEED = 20_260_730;

let server: ViewerProcess;
beforeAll(async () => {
  server = await ViewerProcess.start();
});
afterAll(() => server.kill());

type End = { readonly code: number | null; readonly ended: boolean };

/** Upgrades a connection, sends bytes, and waits until the server closes it; a goodbye is answered as browsers do.
 * @param patienceMs after which one that is still open is left: nothing it sent was wrong enough */
async function attack(bytes: Buffer, patienceMs = 10_000): Promise<End> {
  const socket = connect(server.port, '127.0.0.1');
  const chunks: Buffer[] = [];
  let isClosed = false;
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.on('error', () => undefined); // it is cut off in the middle of what it sends
  socket.on('close', () => (isClosed = true));
  try {
    socket.write(`GET /ws HTTP/1.1\r\n${Object.entries(upgradeHeaders(server.port)).map(([name, value]) => `${name}: ${value}`).join('\r\n')}\r\n\r\n`);
    await until(() => isClosed || Buffer.concat(chunks).includes('"hello"'), { what: 'hello' });
    socket.write(bytes);
    const code = (): number | null => closeCodeIn(afterHandshake(chunks));
    await waitFor(() => isClosed || code() !== null, patienceMs);
    return { code: code(), ended: isClosed || code() !== null };
  } finally {
    await leave(socket, () => isClosed);
  }
}

async function waitFor(condition: () => boolean, patienceMs: number): Promise<void> {
  const endMs = performance.now() + patienceMs;
  await until(() => condition() || performance.now() > endMs, { timeoutMs: patienceMs + 5000 });
}

async function leave(socket: Socket, isClosed: () => boolean): Promise<void> {
  socket.destroy();
  await until(isClosed);
}

function afterHandshake(chunks: readonly Buffer[]): Buffer {
  const all = Buffer.concat(chunks);
  return all.subarray(all.indexOf('\r\n\r\n') + 4);
}

async function inGroups<T>(items: readonly T[], run: (item: T) => Promise<unknown>): Promise<void> {
  for (let at = 0; at < items.length; at += TOGETHER) await Promise.all(items.slice(at, at + TOGETHER).map(run));
}

describe('hostile viewers (F28)', () => {
  it.each(attacks().map((each): [string, Attack] => [each.name, each]))('are closed with the right code for %s', async (_name, { bytes, code }) => {
    expect(await attack(bytes)).toEqual({ code, ended: true });
  });

  it('with 2000 headers are refused before the upgrade', async () => {
    const headers = Object.fromEntries(Array.from({ length: 2000 }, (_each, index) => [`a${String(index)}`, '1']));
    expect((await rawUpgrade(server.port, headers)).status).toBe(431);
    const few = Object.fromEntries(Array.from({ length: 500 }, (_each, index) => [`a${String(index)}`, '']));
    expect((await rawUpgrade(server.port, few)).status).toBe(431);
  });

  it('are not given compression, however they ask for it', async () => {
    for (const offer of ['permessage-deflate', 'permessage-deflate; client_max_window_bits; server_max_window_bits=8', 'permessage-deflate, permessage-deflate', '__proto__; constructor=1']) {
      const socket = await new Promise<string>((resolve) => {
        const viewer = new TestViewer(server.port, { headers: { 'Sec-WebSocket-Extensions': offer } });
        viewer.ws.on('upgrade', (response) => resolve(String(response.headers['sec-websocket-extensions'])));
        viewer.ws.on('unexpected-response', (_request, response) => resolve(String(response.statusCode)));
      });
      expect(['undefined', '400']).toContain(socket);
    }
  });

  it('of any kind, made up by chance, end or are answered, and harm nobody else', async () => {
    const neighbour = await TestViewer.connect(server.port);
    neighbour.send({ type: 'subscribe', stream: 'door' });
    const random = new SeededRandom(SEED);
    const codes = new Map<number | string, number>();
    await inGroups(Array.from({ length: 600 }, () => fuzzedFrames(random)), async (bytes) => {
      const { code, ended } = await attack(bytes, 300);
      const outcome = ended ? (code ?? 'cut off') : 'still open';
      codes.set(outcome, (codes.get(outcome) ?? 0) + 1);
    });
    const strange = [...codes.keys()].filter((code) => typeof code === 'number' && ![1000, 1002, 1005, 1007, 1008, 1009].includes(code) && !(code >= 3000 && code <= 4999) && !(code > 1000 && code < 1015));
    report('F28 fuzz', { connections: 600, ...Object.fromEntries([...codes].map(([code, count]) => [String(code), count])) });
    expect(strange).toEqual([]);
    const before = neighbour.frames.length;
    await until(() => neighbour.frames.length > before + 2);
    expect([server.isAlive, neighbour.closeCode]).toEqual([true, null]);
    neighbour.ws.terminate();
  });

  it('take no memory that they do not give back', async () => {
    const wave = attacks().filter(({ bytes }) => bytes.length < MB);
    const rounds = Math.ceil(500 / wave.length);
    const all = Array.from({ length: rounds }, () => wave).flat();
    const run = (): Promise<void> => inGroups(all, ({ bytes }) => attack(bytes));
    // The first waves make the process as large as it gets: code is compiled, pools are filled.
    await run();
    await run();
    const before = await server.residentBytes();
    await run();
    await run();
    const after = await server.residentBytes();
    const perHundredMb = (after - before) / MB / ((2 * all.length) / 100);
    report('F28 memory', { attackers: 2 * all.length, 'resident before MB': before / MB, 'after MB': after / MB, 'more MB per 100': perHundredMb, target: 2 });
    expect(perHundredMb).toBeLessThanOrEqual(2);
  });

  it('take little memory while they are connected', async () => {
    const before = await server.residentBytes();
    const viewers: TestViewer[] = [];
    for (let group = 0; group < 12; group += 1) viewers.push(...(await Promise.all(Array.from({ length: TOGETHER }, () => TestViewer.connect(server.port)))));
    // Each begins a message of the largest size and never ends it.
    for (const { ws } of viewers) ws.send('x'.repeat(4000), { fin: false });
    await until(() => viewers.every(({ ws }) => ws.bufferedAmount === 0));
    const perHundredMb = ((await server.residentBytes()) - before) / MB / (viewers.length / 100);
    report('F28 memory while connected', { attackers: viewers.length, 'more MB per 100': perHundredMb, target: 2 });
    expect(perHundredMb).toBeLessThanOrEqual(2);
    for (const { ws } of viewers) ws.terminate();
  });
});
