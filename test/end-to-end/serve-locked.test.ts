import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { Command, runCommand } from '../helpers/command.js';
import { FakeServing } from '../helpers/fake-serving.js';
import { selfSigned } from '../helpers/self-signed.js';
import { until } from '../helpers/until.js';
import { askHttps } from '../viewers/support/https.js';

let folder: string;
const closers: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sightline-locked-'));
  await mkdir(join(folder, 'streams'));
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  await rm(folder, { recursive: true, force: true });
});

const configure = (text: string): Promise<void> => writeFile(join(folder, 'sightline.yaml'), text);
const bearer = (token: string): Record<string, string> => ({ Authorization: `Bearer ${token}` });

/** Starts the service on a free port; gives its address as it tells it. */
async function serve(): Promise<{ readonly command: Command; readonly url: string }> {
  const serving = await new FakeServing().start();
  closers.push(() => serving.close());
  const command = new Command(['serve', '--port', '0', '--backend', serving.endpoint, '--log-level', 'debug'], { cwd: folder });
  closers.push(() => command.kill());
  const url = await until(() => / at (https?:\/\/\S+)\/\n/u.exec(command.stdout)?.[1] ?? (command.child.exitCode === null ? null : Promise.reject(new Error(command.stderr))), { timeoutMs: 20_000, what: 'the address of the page' });
  return { command, url };
}

describe('sightline serve, to other machines', () => {
  it.each(['0.0.0.0', '::', '192.0.2.1', '0', 'example.invalid'])('does not listen on %s without tokens, and says how to make one', async (host) => {
    const end = await runCommand(['serve', '--port', '0', '--host', host], { cwd: folder });
    expect([end.exitCode, end.stdout]).toEqual([2, '']);
    expect(end.stderr).toMatch(/other machines can reach .*sightline token/u);
  });

  it('speaks HTTPS with the files it was given, to who has the token that `sightline token` made, and tells neither token nor key', async () => {
    const { cert, key } = selfSigned();
    await Promise.all([writeFile(join(folder, 'watch.pem'), cert), writeFile(join(folder, 'watch.key'), key)]);
    const made = await runCommand(['token', '--name', 'lobby', '--role', 'operator'], { cwd: folder });
    const token = made.stdout.trim();
    await configure(`${made.stderr}  host: 0.0.0.0\n  hosts: [watch.example.com]\n  tls: { cert: watch.pem, key: watch.key }\n`);
    await writeFile(join(folder, 'streams', 'door.yaml'), 'source: demo:street\n');
    const { command, url } = await serve();
    expect(url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/u);
    expect((await askHttps(`${url}/healthz`)).status).toBe(200);
    for (const path of ['/api/streams', '/readyz', '/metrics', '/api/streams/door/snapshot.jpg', '/api/streams/door/mjpeg', '/api/backends']) expect((await askHttps(url + path)).status, path).toBe(401);
    expect((await askHttps(`${url}/api/streams`, { headers: bearer(`${token}x`) })).status).toBe(401);
    const named = await askHttps(`${url}/api/streams`, { headers: { ...bearer(token), Host: 'watch.example.com' } });
    expect([named.status, JSON.parse(named.body)]).toMatchObject([200, { streams: [{ id: 'door' }] }]);
    expect((await askHttps(`${url}/healthz`, { headers: { Host: 'evil.example' } })).status).toBe(403);
    await expect(fetch(url.replace('https', 'http'))).rejects.toThrow();
    const login = await askHttps(`${url}/api/session`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ token }) });
    expect(login.headers['set-cookie']?.[0]).toMatch(/^__Host-sightline-\d+=.*; HttpOnly; SameSite=Strict; Secure$/u);
    const { ticket } = JSON.parse((await askHttps(`${url}/api/tickets`, { method: 'POST', headers: bearer(token) })).body) as { ticket: string };
    const frames = await framesOver(`${url.replace('https', 'wss')}/ws?ticket=${ticket}`);
    expect(frames).toBeGreaterThan(0);
    const told = command.stdout + command.stderr;
    for (const secret of [token, ticket, 'PRIVATE KEY', createHash('sha256').update(token).digest('hex')]) expect(told).not.toContain(secret);
    command.child.kill('SIGTERM');
    expect(await command.ended()).toMatchObject({ exitCode: 0 });
  });

  it('names a certificate that cannot be used, and ends', async () => {
    await configure('server:\n  tls: { cert: gone.pem, key: gone.key }\n');
    const end = await runCommand(['serve', '--port', '0'], { cwd: folder });
    expect([end.exitCode, end.stdout]).toEqual([2, '']);
    expect(end.stderr).toContain('gone.pem');
    expect(end.stderr).toContain('gone.key');
  });
});

/** Subscribes to the door and waits for a frame. */
async function framesOver(address: string): Promise<number> {
  const socket = new WebSocket(address, 'sightline.v1', { rejectUnauthorized: false });
  closers.push(() => Promise.resolve(socket.terminate()));
  let frames = 0;
  socket.on('open', () => socket.send('{"type":"subscribe","stream":"door"}'));
  socket.on('message', (_data, isBinary) => (frames += isBinary ? 1 : 0));
  await until(() => frames > 0, { timeoutMs: 30_000, what: 'a frame' });
  return frames;
}
