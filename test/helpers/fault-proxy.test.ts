import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FaultProxy, flipBytes } from './fault-proxy.js';
import { until } from './until.js';

/** A server that keeps what it is told and is told what to say. */
let server: Server;
let accepted: Socket[];
let heard: Buffer;
let ends: string[];
let proxy: FaultProxy;
const clients: Client[] = [];

beforeEach(async () => {
  accepted = [];
  heard = Buffer.alloc(0);
  ends = [];
  server = createServer({ allowHalfOpen: true }, (socket) => {
    accepted.push(socket);
    socket.on('data', (chunk) => { heard = Buffer.concat([heard, chunk]); });
    socket.on('end', () => { ends.push('end'); });
    socket.on('error', (error: NodeJS.ErrnoException) => { ends.push(error.code ?? 'error'); });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  proxy = await FaultProxy.start((server.address() as AddressInfo).port);
});

afterEach(async () => {
  await proxy.close();
  await proxy.close();
  for (const { socket } of clients.splice(0)) socket.destroy();
  for (const socket of accepted) socket.destroy();
  server.close();
});

type Client = { readonly socket: Socket; heard: Buffer; end: string | null };

async function open(): Promise<Client> {
  const socket = connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true });
  const client: Client = { socket, heard: Buffer.alloc(0), end: null };
  clients.push(client);
  socket.on('data', (chunk: Buffer) => { client.heard = Buffer.concat([client.heard, chunk]); });
  socket.on('end', () => { client.end ??= 'end'; });
  socket.on('error', (error: NodeJS.ErrnoException) => { client.end ??= error.code ?? 'error'; });
  const count = accepted.length;
  await until(() => accepted.length > count);
  return client;
}

/** What the server says from now on. */
const say = (text: string): unknown => accepted.at(-1)?.write(text);
/** Long enough for what must not happen. */
const passed = (ms: number): Promise<unknown> => {
  const endMs = performance.now() + ms;
  return until(() => performance.now() > endMs);
};
const bigText = 'x'.repeat(3_000_000);

describe('a fault proxy', () => {
  it('passes everything on in both directions while nothing is wrong, and counts it', async () => {
    const client = await open();
    client.socket.write('question');
    say(bigText);
    await until(() => heard.toString() === 'question' && client.heard.length === bigText.length);
    expect(proxy.records).toMatchObject([{ bytes: { up: 8, down: bigText.length }, open: true }]);
    client.socket.end();
    await until(() => ends.length === 1);
    accepted[0]?.end('last words');
    await until(() => client.end === 'end');
    expect([ends, client.heard.subarray(-10).toString()]).toEqual([['end'], 'last words']);
    await until(() => proxy.records[0]?.open === false);
  });

  it('cuts after so many bytes, in an orderly way or by a reset', async () => {
    proxy.down.cutAfter = { bytes: 5, how: 'end' };
    const first = await open();
    say('0123456789');
    await until(() => first.end !== null);
    proxy.down.cutAfter = { bytes: 5, how: 'reset' };
    const second = await open();
    say('01234');
    await until(() => second.heard.length === 5);
    say('56789');
    await until(() => second.end !== null);
    expect([first.heard.toString(), first.end, second.heard.toString(), second.end]).toEqual(['01234', 'end', '01234', 'ECONNRESET']);
  });

  it('resets and ends both sides at once when it is told to', async () => {
    const first = await open();
    proxy.cut('reset');
    await until(() => first.end !== null && ends.length === 1);
    const second = await open();
    proxy.cut('end');
    await until(() => second.end !== null && ends.length === 2);
    expect([first.end, second.end, ends]).toEqual(['ECONNRESET', 'end', ['ECONNRESET', 'end']]);
  });

  it('is a black hole that tells nobody, and gives what was on its way afterwards', async () => {
    const client = await open();
    proxy.blackHole(true);
    say('late');
    client.socket.write('late too');
    await passed(100);
    expect([client.heard.length, heard.length, client.end, ends]).toEqual([0, 0, null, []]);
    proxy.blackHole(false);
    await until(() => client.heard.toString() === 'late' && heard.toString() === 'late too');
    proxy.blackHole(true);
    client.socket.destroy();
    await passed(100);
    expect(ends).toEqual([]);
    proxy.heal();
    await until(() => ends.length === 1);
  });

  it('closes one direction and keeps the other', async () => {
    const client = await open();
    proxy.halfClose('down');
    await until(() => client.end === 'end');
    client.socket.write('still here');
    await until(() => heard.toString() === 'still here');
  });

  it('is slow in all the ways that it is told', async () => {
    const timed = async (text: string): Promise<number> => {
      const client = await open();
      const startMs = performance.now();
      say(text);
      await until(() => client.heard.length === text.length);
      return performance.now() - startMs;
    };
    proxy.down.latencyMs = 150;
    expect(await timed('late')).toBeGreaterThanOrEqual(149);
    proxy.heal();
    Object.assign(proxy.down, { bytesPerSecond: 100, pieceBytes: 1 });
    expect(await timed('twenty bytes, slowly')).toBeGreaterThanOrEqual(190);
    proxy.heal();
    Object.assign(proxy.down, { bytesPerSecond: 1_000_000, pieceBytes: 10_000 });
    expect(await timed('x'.repeat(200_000))).toBeGreaterThanOrEqual(190);
  });

  it('spoils the bytes that it is told to, wherever the pieces begin', async () => {
    Object.assign(proxy.down, { spoil: flipBytes(0, 7), pieceBytes: 3 });
    const client = await open();
    say('0123456789');
    await until(() => client.heard.length === 10);
    expect([...client.heard]).toEqual([...Buffer.from('0123456789')].map((byte, at) => (at === 0 || at === 7 ? byte ^ 0xff : byte)));
  });

  it('refuses connections while it is unplugged, on the same port as before and after', async () => {
    const client = await open();
    await proxy.unplug();
    await until(() => client.end === 'ECONNRESET');
    const refused = connect(proxy.port, '127.0.0.1');
    const [error] = (await once(refused, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNREFUSED');
    await proxy.plug();
    await open();
  });

  it('resets who connects when there is no server behind it', async () => {
    server.close();
    const socket = connect(proxy.port, '127.0.0.1');
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNRESET');
  });
});
