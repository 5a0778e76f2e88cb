import { X509Certificate } from 'node:crypto';
import { credentials, type ChannelCredentials } from '@grpc/grpc-js';
import { ConfigError } from '../core/errors.js';

/** PEM texts (not paths): the authority to trust instead of the system's, and our own certificate for servers that ask for one. */
export type TlsOptions = { readonly ca?: string | Buffer; readonly cert?: string | Buffer; readonly key?: string | Buffer };

/** Credentials of a channel; without options there is no TLS.
 * @throws {ConfigError} when the texts are no certificates, or key and certificate do not belong together */
export function channelCredentials(tls: TlsOptions | undefined): ChannelCredentials {
  if (tls === undefined) return credentials.createInsecure();
  try {
    // Node takes any text for an authority and then trusts nobody.
    if (tls.ca !== undefined) new X509Certificate(tls.ca);
    return credentials.createSsl(toBuffer(tls.ca), toBuffer(tls.key), toBuffer(tls.cert));
  } catch (error) {
    throw new ConfigError([{ file: null, path: 'backend.tls', message: `cannot be used: ${error instanceof Error ? error.message : String(error)}; expected PEM texts, the key being the certificate's` }]);
  }
}

/** What is wrong when TLS could not be agreed on, in one clause, and what to do; `null` where the words do not tell.
 * @param details what grpc-js says of the connection: Node's words or OpenSSL's */
export function describeTlsFailure(details: string): string | null {
  const reason = reasonOf(details);
  if (details.includes('ERR_TLS_CERT_ALTNAME_INVALID')) return `shows a certificate that is not for this name (${reason}): use a name that stands in it`;
  if (/certificate required/i.test(details)) return 'asks for a certificate of ours: set backend.tls.cert and backend.tls.key';
  if (/alert (unknown ca|bad certificate|certificate (unknown|expired|revoked)|unsupported certificate)/i.test(details)) return 'does not trust our certificate: use one in backend.tls.cert that its authority has signed';
  if (/certificate (has expired|is not yet valid)|CERT_(HAS_EXPIRED|NOT_YET_VALID)/i.test(details)) return `shows a certificate that is out of date (${reason})`;
  if (/self-signed certificate|unable to (get (local )?issuer|verify)|certificate signature failure|UNABLE_TO_|SELF_SIGNED/i.test(details)) return `shows a certificate that we do not trust (${reason}): put its authority's certificate in backend.tls.ca`;
  return null;
}

/** The words between those that grpc-js puts around them. */
function reasonOf(details: string): string {
  const inner = details
    .replace(/^No connection established\. Last error: /, '')
    .replace(/\.? ?(\(\d{4}-\d\d-\d\dT[^)]*\))?\.? Resolution note: .*$/s, '')
    .replace(/^Error( \[\w+\])?: (Hostname\/IP does not match certificate's altnames: )?/, '');
  return inner.replace(/[\s.:]+$/, '');
}

function toBuffer(pem: string | Buffer | undefined): Buffer | null {
  return pem === undefined ? null : Buffer.from(pem);
}
