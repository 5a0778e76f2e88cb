import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** What stands at an address, seen without gRPC:
 * `http2` speaks HTTP/2, `http1` HTTP/1, `tls` TLS, `other` something else, `silent` accepts and says nothing. */
export type EndpointFinding = 'http2' | 'http1' | 'tls' | 'other' | 'silent' | 'refused' | 'not-resolved' | 'unreachable';

/** What an HTTP/2 client says first (RFC 9113 3.4), followed by an empty SETTINGS frame. */
const CLIENT_PREFACE = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1'), Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0])]);
const SETTINGS_FRAME_TYPE = 4;
const TLS_ALERT = 0x15;
const FRAME_HEADER_BYTES = 9;

/** Connects to `host:port`, greets it as an HTTP/2 client does and tells what answered. gRPC libraries report all of this as "unavailable". Never rejects. */
export async function probeEndpoint(endpoint: string, timeoutMs: number): Promise<EndpointFinding> {
  const finding = await greet(endpoint, timeoutMs);
  // Not every TLS server answers a stranger before it hangs up.
  return finding === 'other' && (await speaksTls(endpoint, timeoutMs)) ? 'tls' : finding;
}

function greet(endpoint: string, timeoutMs: number): Promise<EndpointFinding> {
  const { host, port } = splitEndpoint(endpoint);
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    let isConnected = false;
    let received = Buffer.alloc(0);
    const finish = (finding: EndpointFinding): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(finding);
    };
    const timer = setTimeout(() => {
      finish(isConnected ? 'silent' : 'unreachable');
    }, timeoutMs);
    socket.on('connect', () => {
      isConnected = true;
      socket.write(CLIENT_PREFACE);
    });
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length >= FRAME_HEADER_BYTES) finish(recognise(received));
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      finish(isConnected ? recognise(received) : findingOfCode(error.code));
    });
    socket.on('close', () => {
      finish(recognise(received));
    });
  });
}

/** Splits `host:port` and `[v6]:port`. */
export function splitEndpoint(endpoint: string): { host: string; port: number } {
  const colon = endpoint.lastIndexOf(':');
  const port = Number(endpoint.slice(colon + 1));
  const host = endpoint.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  if (colon < 1 || host === '' || !Number.isInteger(port) || port < 1 || port > 65_535) throw new RangeError(`Expected an endpoint host:port, got ${JSON.stringify(endpoint)}`);
  return { host, port };
}

function speaksTls(endpoint: string, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    // Nothing is sent: whose certificate it is does not matter here.
    const socket = connectTls({ ...splitEndpoint(endpoint), ALPNProtocols: ['h2'], rejectUnauthorized: false, timeout: timeoutMs });
    const finish = (isTls: boolean) => (): void => {
      socket.destroy();
      resolve(isTls);
    };
    socket.on('secureConnect', finish(true));
    for (const event of ['timeout', 'error', 'close']) socket.on(event, finish(false));
  });
}

function recognise(bytes: Buffer): EndpointFinding {
  if (bytes.toString('latin1', 0, 5) === 'HTTP/') return 'http1';
  if (bytes.length >= FRAME_HEADER_BYTES && bytes[3] === SETTINGS_FRAME_TYPE) return 'http2';
  return bytes[0] === TLS_ALERT ? 'tls' : 'other';
}

function findingOfCode(code: string | undefined): EndpointFinding {
  if (code === 'ECONNREFUSED') return 'refused';
  return code === 'ENOTFOUND' || code === 'EAI_AGAIN' || code === 'EAI_NODATA' || code === 'EAI_FAIL' ? 'not-resolved' : 'unreachable';
}
