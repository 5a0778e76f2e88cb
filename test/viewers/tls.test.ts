import { writeFileSync } from 'node:fs';
import { connect as connectTls } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { ConfigError } from '../../src/core/errors.js';
import { selfSigned } from '../helpers/self-signed.js';
import { until } from '../helpers/until.js';
import { askHttps, tlsFiles } from './support/https.js';
import { openSocket, rawGet } from './support/raw-http.js';
import { startServer } from './support/server.js';
import { bearer, tokenFor } from './support/tokens.js';

/** A viewer over TLS; `closeCode` once it is closed. */
async function connectViewer(port: number, headers: Record<string, string> = {}): Promise<{ readonly ws: WebSocket; readonly messages: string[]; closeCode: number | null }> {
  const ws = new WebSocket(`wss://127.0.0.1:${String(port)}/ws`, 'sightline.v1', { rejectUnauthorized: false, headers });
  const viewer = { ws, messages: [] as string[], closeCode: null as number | null };
  ws.on('message', (data: Buffer) => viewer.messages.push(data.toString()));
  ws.on('close', (code) => (viewer.closeCode = code));
  ws.on('error', () => undefined);
  onTestFinished(() => ws.terminate());
  await until(() => viewer.messages.some((text) => text.includes('hello')), { what: 'hello' });
  return viewer;
}

describe('a server with TLS', () => {
  it('serves page, API and WebSocket over it, and nothing without', async () => {
    const { url, port, directory } = await startServer({ tls: tlsFiles() });
    expect(url).toBe(`https://127.0.0.1:${String(port)}/`);
    const answer = await askHttps(`${url}api/streams`);
    expect([answer.status, answer.protocol]).toEqual([200, 'TLSv1.3']);
    const viewer = await connectViewer(port);
    viewer.ws.send('{"type":"subscribe","stream":"door"}');
    await until(() => directory.watchers('door') === 1);
    directory.offer('door');
    await until(() => viewer.messages.length > 1);
    expect((await rawGet(port, '/healthz')).status).toBe(0);
  });

  it('speaks TLS 1.2 and nothing older', async () => {
    const { url } = await startServer({ tls: tlsFiles() });
    expect((await askHttps(`${url}healthz`, { maxVersion: 'TLSv1.2' })).protocol).toBe('TLSv1.2');
    await expect(askHttps(`${url}healthz`, { maxVersion: 'TLSv1.1' })).rejects.toThrow();
  });

  it.each([
    ['https://localhost:PORT', 200],
    ['https://127.0.0.1:PORT', 200],
    ['http://localhost:PORT', 403],
    ['http://127.0.0.1:PORT', 403],
    ['https://evil.example', 403],
  ])('answers Origin %s with %d', async (origin, status) => {
    const { url, port } = await startServer({ tls: tlsFiles() });
    expect((await askHttps(`${url}api/streams`, { headers: { Origin: origin.replace('PORT', String(port)) } })).status).toBe(status);
  });

  it('keeps the session in a cookie that is bound to this host and to TLS', async () => {
    const { url, port } = await startServer({ tls: tlsFiles(), tokens: [tokenFor('boss')] });
    const { headers } = await askHttps(`${url}api/session`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"token":"boss-token"}' });
    expect(headers['set-cookie']).toEqual([`__Host-sightline-${String(port)}=boss-token; Path=/; Max-Age=34560000; HttpOnly; SameSite=Strict; Secure`]);
    expect((await askHttps(`${url}api/streams`, { headers: { Cookie: `__Host-sightline-${String(port)}=boss-token` } })).status).toBe(200);
    expect((await askHttps(`${url}api/streams`, { headers: { Cookie: `sightline-${String(port)}=boss-token` } })).status).toBe(401);
  });

  it('takes a new certificate without dropping its viewers, and keeps the old one when the new is no good', async () => {
    const files = tlsFiles();
    const { url, port, setTls, setTokens } = await startServer({ tls: files, tokens: [tokenFor('boss')] });
    const viewer = await connectViewer(port, bearer('boss'));
    const before = (await askHttps(`${url}healthz`)).certificate.fingerprint256;
    const renewed = selfSigned();
    writeFileSync(files.cert, renewed.cert);
    await expect(setTls(files)).rejects.toBeInstanceOf(ConfigError);
    expect((await askHttps(`${url}healthz`)).certificate.fingerprint256).toBe(before);
    writeFileSync(files.key, renewed.key);
    await setTls(files);
    expect((await askHttps(`${url}healthz`)).certificate.fingerprint256).not.toBe(before);
    expect(viewer.closeCode).toBeNull();
    setTokens([tokenFor('other')]);
    await until(() => viewer.closeCode !== null);
    expect(viewer.closeCode).toBe(4401);
  });

  it('cannot take a certificate when it was started without', async () => {
    const { setTls } = await startServer();
    await expect(setTls(tlsFiles())).rejects.toThrow('server.tls: the server was started without TLS: restart it');
  });

  it('ends connections that do not agree on TLS in time', async () => {
    const { port } = await startServer({ tls: tlsFiles(), limits: { headersTimeoutMs: 300 } });
    const socket = openSocket(port);
    const startMs = performance.now();
    await until(() => socket.destroyed);
    expect(performance.now() - startMs).toBeGreaterThan(200);
  });

  it('says goodbye on close, and does not wait for connections that nothing was asked on', async () => {
    const { port, close } = await startServer({ tls: tlsFiles(), limits: { closeWaitMs: 60_000 } });
    const unused = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
    unused.on('error', () => undefined);
    onTestFinished(() => void unused.destroy());
    await until(() => unused.getProtocol() !== null);
    const viewer = await connectViewer(port);
    await close();
    await until(() => viewer.closeCode !== null && unused.destroyed);
    expect(viewer.closeCode).toBe(1001);
  });
});

describe('files for TLS that are no good', () => {
  it.each([
    ['a certificate that is none', { cert: 'hello' }, 'cert', /server\.tls\.cert holds no certificate/],
    ['a key that is none', { key: 'hello' }, 'key', /server\.tls\.key holds no key/],
    ['the key of another certificate', { key: selfSigned().key }, 'key', /server\.tls\.key is not the key of .*cert\.pem/],
  ])('%s is named with its file', async (_what, texts, file, message) => {
    const files = tlsFiles(texts);
    const error = await startServer({ tls: files }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).message).toMatch(message);
    expect((error as ConfigError).issues[0]?.file).toBe(files[file as 'cert' | 'key']);
  });

  it('a file that is not there is named', async () => {
    const files = { ...tlsFiles(), key: '/no/such/key.pem' };
    await expect(startServer({ tls: files })).rejects.toThrow(/^\/no\/such\/key\.pem: server\.tls\.key cannot be read \(ENOENT/);
  });
});
