import { constants, createSecureServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/core/errors.js';
import { healthCheckRpc } from '../../src/serving/rpcs.js';
import { ServingClient, type ServingClientOptions } from '../../src/serving/serving-client.js';
import { selfSigned } from '../helpers/self-signed.js';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const serverPair = selfSigned();
const clientPair = selfSigned();
const strangerPair = selfSigned();
const soon = { deadlineMs: 5000 };

/** A gRPC server with a certificate for `localhost` that only serves health; `mutual`: it asks clients for {@link clientPair}. */
async function startServer(mutual: boolean): Promise<number> {
  const server = new Server();
  const asIs = (bytes: Buffer): Buffer => bytes;
  const definition = { path: healthCheckRpc.path, requestStream: false, responseStream: false, requestSerialize: asIs, requestDeserialize: asIs, responseSerialize: asIs, responseDeserialize: asIs };
  server.addService({ Check: definition }, { Check: (_call: unknown, callback: (error: null, response: Buffer) => void) => { callback(null, healthCheckRpc.response.encode({ status: 'SERVING' })); } });
  const pair = { private_key: Buffer.from(serverPair.key), cert_chain: Buffer.from(serverPair.cert) };
  const creds = ServerCredentials.createSsl(mutual ? Buffer.from(clientPair.cert) : null, [pair], mutual);
  closers.push(async () => { server.forceShutdown(); });
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', creds, (error, port) => {
      if (error === null) resolve(port);
      else reject(error);
    });
  });
}

function clientOf(port: number, options: Partial<ServingClientOptions>): ServingClient {
  const client = new ServingClient({ endpoint: `127.0.0.1:${String(port)}`, ...options });
  closers.push(() => client.close());
  return client;
}

async function messageOf(client: ServingClient): Promise<string> {
  const error = await client.checkHealth(soon).then(
    () => { throw new Error('expected a rejection'); },
    (reason: unknown) => reason as Error,
  );
  expect(error).toMatchObject({ code: 'serving-unavailable', reached: false });
  expect(error.message).not.toContain('\n');
  return error.message.replace(`backend ${client.endpoint} `, '');
}

const ca = serverPair.cert;
const serverName = 'localhost';

describe('a backend with TLS', () => {
  it('is talked to when its authority is trusted and the name is its certificate\'s', async () => {
    const port = await startServer(false);
    expect(await clientOf(port, { tls: { ca }, serverName }).checkHealth(soon)).toBe('serving');
    expect(await clientOf(port, { tls: { ca }, endpoint: `localhost:${String(port)}` }).checkHealth(soon)).toBe('serving');
  });

  it.each([
    ['of an authority that was not named', { tls: { ca: strangerPair.cert }, serverName }, /^shows a certificate that we do not trust \(self-signed certificate\): put its authority's certificate in backend\.tls\.ca$/],
    ['of an authority that the system does not know', { tls: {}, serverName }, /^shows a certificate that we do not trust \(self-signed certificate\)/],
    ['for another name', { tls: { ca }, serverName: 'gpu1.example' }, /^shows a certificate that is not for this name \(Host: gpu1\.example\. is not cert's CN: localhost\): use a name that stands in it$/],
    ['for a name where an address is asked', { tls: { ca } }, /^shows a certificate that is not for this name \(IP: 127\.0\.0\.1 is not in the cert's list\)/],
  ])('is refused with a certificate %s', async (_what, options, message) => {
    expect(await messageOf(clientOf(await startServer(false), options))).toMatch(message);
  });

  it('is told from one without', async () => {
    const port = await startServer(false);
    expect(await messageOf(clientOf(port, {}))).toBe('speaks TLS: set backend.tls');
  });

  it('is addressed by the name that led to it', async () => {
    const sockets: TLSSocket[] = [];
    const seen: unknown[] = [];
    const server = createSecureServer({ key: serverPair.key, cert: serverPair.cert });
    server.on('secureConnection', (socket: TLSSocket) => { sockets.push(socket); seen.push(socket.servername); });
    server.on('stream', (stream, headers) => { seen.push(headers[':authority']); stream.close(constants.NGHTTP2_CANCEL); });
    await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
    closers.push(() => new Promise((resolve) => { for (const socket of sockets) socket.destroy(); server.close(resolve); }));
    const { port } = server.address() as AddressInfo;
    await clientOf(port, { tls: { ca }, serverName }).checkHealth(soon).catch(() => undefined);
    expect(seen).toEqual(['localhost', `localhost:${String(port)}`]);
  });
});

describe('a backend that asks for a certificate', () => {
  const { key, cert } = clientPair;

  it('is talked to with the one it knows', async () => {
    expect(await clientOf(await startServer(true), { tls: { ca, key, cert }, serverName }).checkHealth(soon)).toBe('serving');
  });

  it.each([
    ['none', { ca }, /^asks for a certificate of ours: set backend\.tls\.cert and backend\.tls\.key$/],
    ['one of a stranger', { ca, key: strangerPair.key, cert: strangerPair.cert }, /^(does not trust our certificate|speaks TLS and hangs up on us: does it trust our certificate)/],
  ])('refuses %s, and that is said', async (_what, tls, message) => {
    expect(await messageOf(clientOf(await startServer(true), { tls, serverName }))).toMatch(message);
  });

  it.each([
    ['a key of another certificate', { ca, key: strangerPair.key, cert }],
    ['a certificate without its key', { ca, cert }],
    ['a text that is no certificate', { ca: 'ca.pem' }],
  ])('cannot be asked with %s', (_what, tls) => {
    expect(() => new ServingClient({ endpoint: 'localhost:8500', tls })).toThrow(ConfigError);
  });
});
