import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { accepts, ReachabilityWatch } from '../../../src/sources/live/reachability.js';
import { RetryWait } from '../../../src/sources/live/retry-wait.js';
import { freePort } from '../../helpers/rtsp-camera.js';
import { until } from '../../helpers/until.js';

const servers: Server[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => { server.close(resolve); })));
});

type Port = { readonly port: number; connections: number };

async function listen(port = 0): Promise<Port> {
  const facts = { port, connections: 0 };
  const server = createServer((socket) => {
    facts.connections += 1;
    socket.on('error', () => undefined); // whoever looks hangs up
    socket.resume();
  });
  servers.push(server);
  await once(server.listen(port, '127.0.0.1'), 'listening');
  return Object.assign(facts, { port: (server.address() as AddressInfo).port });
}

const at = (port: number): (() => Promise<{ host: string; port: number }>) => () => Promise.resolve({ host: '127.0.0.1', port });

describe('accepts', () => {
  it('tells whether somebody listens, and leaves no connection', async () => {
    const server = await listen();
    const { signal } = new AbortController();
    expect(await accepts({ host: '127.0.0.1', port: server.port }, signal)).toBe(true);
    expect(await accepts({ host: '127.0.0.1', port: await freePort() }, signal)).toBe(false);
    expect(await accepts({ host: '127.0.0.1', port: server.port }, AbortSignal.abort())).toBe(false);
  });
});

describe('ReachabilityWatch', () => {
  it('tells once that a port opens which was closed', async () => {
    const port = await freePort();
    let told = 0;
    const watch = new ReachabilityWatch({ resolve: at(port), afterMs: 0, onReachable: () => { told += 1; } });
    let looked = false;
    setTimeout(() => { looked = true; }, 300);
    await until(() => looked);
    const server = await listen(port);
    await until(() => told === 1, { timeoutMs: 3_000 });
    const seen = server.connections;
    looked = false;
    setTimeout(() => { looked = true; }, 1_500);
    await until(() => looked);
    expect([told, server.connections]).toEqual([1, seen]);
    watch.close();
  });

  it('says nothing of a port that is open all the time, and is silent once closed', async () => {
    const server = await listen();
    let told = 0;
    const watch = new ReachabilityWatch({ resolve: at(server.port), afterMs: 0, onReachable: () => { told += 1; } });
    await until(() => server.connections >= 3, { timeoutMs: 6_000 });
    watch.close();
    watch.close();
    expect(told).toBe(0);
  });

  it('takes a name that is not known for a camera out of reach', async () => {
    const server = await listen();
    let asked = 0;
    let told = 0;
    const resolve = (): Promise<{ host: string; port: number }> => {
      asked += 1;
      return asked > 1 ? at(server.port)() : Promise.reject(new Error('ENOTFOUND'));
    };
    const watch = new ReachabilityWatch({ resolve, afterMs: 0, onReachable: () => { told += 1; } });
    await until(() => told === 1, { timeoutMs: 4_000 }).finally(() => { watch.close(); });
    expect(asked).toBe(2);
  });
});

describe('RetryWait', () => {
  const backoff = (attempt: number, early = 0) => ({ reason: { reason: 'backoff', attempt, early } as const, scale: 1, resolve: null });

  it('ends in time, once', async () => {
    const events: string[] = [];
    const wait = new RetryWait({ ...backoff(1), scale: 0.05, onDue: () => events.push('due'), onReachable: () => events.push('reachable') });
    expect(wait.delayMs).toBeGreaterThanOrEqual(50);
    expect(wait.delayMs).toBeLessThanOrEqual(63);
    await until(() => events.length > 0);
    wait.close();
    expect(events).toEqual(['due']);
  });

  it('ends early when the camera is back, and then not a second time', async () => {
    const port = await freePort();
    const events: string[] = [];
    const wait = new RetryWait({ ...backoff(3), resolve: at(port), onDue: () => events.push('due'), onReachable: () => events.push('reachable') });
    let opened = false;
    setTimeout(() => void listen(port).then(() => { opened = true; }), 300);
    await until(() => events.length > 0, { timeoutMs: 5_000 });
    expect([opened, events]).toEqual([true, ['reachable']]);
    wait.close();
  });

  it('does not look at the port of a camera that refused the login', async () => {
    const server = await listen();
    const events: string[] = [];
    const wait = new RetryWait({ reason: { reason: 'unauthorized', attempt: 1, early: 0 }, scale: 0.04, resolve: at(server.port), onDue: () => events.push('due'), onReachable: () => events.push('reachable') });
    expect(wait.delayMs).toBe(1_200);
    await until(() => events.length > 0);
    expect([events, server.connections]).toEqual([['due'], 0]);
  });

  it('is silent once it is closed', async () => {
    const events: string[] = [];
    new RetryWait({ ...backoff(1), scale: 0.03, onDue: () => events.push('due'), onReachable: () => undefined }).close();
    const other = new RetryWait({ ...backoff(1), scale: 0.1, onDue: () => events.push('other'), onReachable: () => undefined });
    await until(() => events.length > 0);
    expect(events).toEqual(['other']);
    other.close();
  });
});
