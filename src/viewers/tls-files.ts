import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { ConfigError } from '../core/errors.js';

/** PEM files of the certificate that the server shows (with those it was signed by, if any, below it) and of its key. */
export type TlsFiles = { readonly cert: string; readonly key: string };

/** What a TLS server is made with. */
export type ServerTls = Pick<SecureContextOptions, 'cert' | 'key' | 'minVersion'>;

/** What was read of the files. `validTo` as the certificate says it, such as `Jan 31 12:00:00 2027 GMT`. */
export type ReadTls = { readonly options: ServerTls; readonly validTo: string };

/** Reads the files that a server speaks TLS with.
 * @throws {ConfigError} one cannot be read, is no PEM of its kind, or they do not belong together */
export async function readTlsFiles(files: TlsFiles): Promise<ReadTls> {
  const [cert, key] = await readBoth(files);
  const options: ServerTls = { cert, key, minVersion: 'TLSv1.2' };
  // Each by itself first, so that it is known which of the two is wrong.
  check(files, 'cert', { cert }, 'holds no certificate in PEM form');
  check(files, 'key', { key }, 'holds no key in PEM form that can be read without a passphrase');
  check(files, 'key', options, `is not the key of ${files.cert}`);
  return { options, validTo: new X509Certificate(cert).validTo };
}

/** Both are told where neither can be read. */
async function readBoth(files: TlsFiles): Promise<[Buffer, Buffer]> {
  const [cert, key] = await Promise.allSettled([readFile(files.cert), readFile(files.key)]);
  if (cert.status === 'fulfilled' && key.status === 'fulfilled') return [cert.value, key.value];
  const issues = ([['cert', cert], ['key', key]] as const).flatMap(([name, read]) => (read.status === 'fulfilled' ? [] : problem(files, name, `cannot be read (${read.reason instanceof Error ? read.reason.message : String(read.reason)})`).issues));
  throw new ConfigError(issues);
}

function check(files: TlsFiles, name: keyof TlsFiles, options: SecureContextOptions, message: string): void {
  try {
    createSecureContext(options);
  } catch (error) {
    // OpenSSL's words name neither the file nor what to do, and quote nothing of it.
    throw problem(files, name, `${message} (${error instanceof Error ? error.message : String(error)})`);
  }
}

function problem(files: TlsFiles, name: keyof TlsFiles, message: string): ConfigError {
  return new ConfigError([{ file: files[name], path: '', message: `server.tls.${name} ${message}` }]);
}
