import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import type { IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PeerCertificate, TLSSocket } from 'node:tls';
import { onTestFinished } from 'vitest';
import type { TlsFiles } from '../../../src/viewers/tls-files.js';
import { selfSigned } from '../../helpers/self-signed.js';

/** Writes PEM texts to files that are removed with the test; a certificate of its own unless given. */
export function tlsFiles(texts: Partial<TlsFiles> = {}): TlsFiles {
  const folder = mkdtempSync(join(tmpdir(), 'sightline-tls-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const pems = { ...selfSigned(), ...texts };
  const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
  writeFileSync(files.cert, pems.cert);
  writeFileSync(files.key, pems.key);
  return files;
}

export type HttpsAnswer = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: string; readonly protocol: string | null; readonly certificate: PeerCertificate };

/** Asks over TLS, on a connection of its own, whatever the certificate. */
export function askHttps(url: string, options: { readonly method?: string; readonly headers?: Record<string, string>; readonly body?: string; readonly maxVersion?: 'TLSv1.1' | 'TLSv1.2' } = {}): Promise<HttpsAnswer> {
  const { body, method = 'GET', headers = {}, maxVersion } = options;
  const versions = maxVersion === undefined ? {} : { minVersion: 'TLSv1' as const, maxVersion };
  return new Promise((resolve, reject) => {
    const asking = request(url, { method, headers, agent: false, rejectUnauthorized: false, ...versions }, (response) => {
      const socket = response.socket as TLSSocket;
      const [protocol, certificate] = [socket.getProtocol(), socket.getPeerCertificate()];
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks).toString(), protocol, certificate }));
    });
    asking.on('error', reject);
    asking.end(body);
  });
}
