import { Server, ServerCredentials } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { ServingUnavailableError } from '../../src/core/errors.js';
import { healthCheckRpc } from '../../src/serving/rpcs.js';
import { ServingClient, type ServingClientOptions } from '../../src/serving/serving-client.js';
import { selfSigned } from '../helpers/self-signed.js';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const OURS = selfSigned();
const THEIRS = selfSigned();

/** A server that says that it is well, to whom it lets in. @returns its port */
async function tlsServer(clientCa: string | null): Promise<number> {
  const server = new Server();
  const asIs = (bytes: Buffer): Buffer => bytes;
  const path = healthCheckRpc.path;
  server.addService({ Check: { path, requestStream: false, responseStream: false, requestSerialize: asIs, requestDeserialize: asIs, responseSerialize: asIs, responseDeserialize: asIs } }, {
    Check: (_call: unknown, done: (error: null, bytes: Buffer) => void) => { done(null, healthCheckRpc.response.encode({ status: 'SERVING' })); },
  });
  const credentials = ServerCredentials.createSsl(clientCa === null ? null : Buffer.from(clientCa), [{ private_key: Buffer.from(THEIRS.key), cert_chain: Buffer.from(THEIRS.cert) }], clientCa !== null);
  closers.push(() => Promise.resolve(server.forceShutdown()));
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', credentials, (error, port) => { if (error === null) resolve(port); else reject(error); });
  });
}

function health(options: ServingClientOptions): Promise<string> {
  const client = new ServingClient(options);
  closers.push(() => client.close());
  return client.checkHealth({ deadlineMs: 3_000 });
}

describe('ServingClient over TLS', () => {
  it('trusts the authority that it is given', async () => {
    const port = await tlsServer(null);
    await expect(health({ endpoint: `localhost:${String(port)}`, tls: { ca: THEIRS.cert } })).resolves.toBe('serving');
  });

  it('checks the certificate of an address against the name that led there', async () => {
    const port = await tlsServer(null);
    const endpoint = `127.0.0.1:${String(port)}`;
    await expect(health({ endpoint, serverName: 'localhost', tls: { ca: THEIRS.cert } })).resolves.toBe('serving');
    await expect(health({ endpoint, serverName: 'elsewhere.test', tls: { ca: THEIRS.cert } })).rejects.toThrow(/does not accept our TLS|certificate/);
  });

  it('does not trust another one, and says so in one line', async () => {
    const port = await tlsServer(null);
    const failed = health({ endpoint: `localhost:${String(port)}`, tls: { ca: OURS.cert } });
    await expect(failed).rejects.toThrow(ServingUnavailableError);
    await expect(failed).rejects.toThrow(/^backend localhost:\d+ has a certificate that is not to be trusted: .*: is backend\.tls\.ca its authority\?$/);
  });

  it('shows a certificate of its own to a server that asks for one', async () => {
    const port = await tlsServer(OURS.cert);
    await expect(health({ endpoint: `localhost:${String(port)}`, tls: { ca: THEIRS.cert, cert: OURS.cert, key: OURS.key } })).resolves.toBe('serving');
  });

  it('is not let in without, and says what is missing', async () => {
    const port = await tlsServer(OURS.cert);
    await expect(health({ endpoint: `localhost:${String(port)}`, tls: { ca: THEIRS.cert } })).rejects.toThrow(/^backend localhost:\d+ ends the connection during TLS: .*backend\.tls\.cert and backend\.tls\.key/);
  });

  it('says that a server without TLS has none', async () => {
    const server = new Server();
    closers.push(() => Promise.resolve(server.forceShutdown()));
    const port = await new Promise<number>((resolve) => { server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (_error, bound) => { resolve(bound); }); });
    await expect(health({ endpoint: `localhost:${String(port)}`, tls: { ca: THEIRS.cert } })).rejects.toThrow(/does not speak TLS: leave out backend\.tls/);
  });
});
