import { request } from 'node:http';
import { connect } from 'node:net';
import type { InputRoute } from '../../../src/sources/gateway/route.js';
import { until } from '../../helpers/until.js';

export type ProxyAnswer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
  /** Whether all of it came. */
  readonly complete: boolean;
};

/** The proxy's address, and the header that opens it, as ffmpeg takes them from its environment. */
export function proxyOf(route: InputRoute): { readonly host: string; readonly port: number; readonly authorization: string } {
  const { hostname, port, username, password } = new URL(route.environment['http_proxy'] ?? '');
  return { host: hostname, port: Number(port), authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` };
}

/** Asks for a URL through the proxy, as ffmpeg does.
 * @param url default: what ffmpeg is given */
export function ask(route: InputRoute, url = route.input, { method = 'GET', headers = {}, authorization = proxyOf(route).authorization }: { readonly method?: string; readonly headers?: Readonly<Record<string, string>>; readonly authorization?: string | null } = {}): Promise<ProxyAnswer> {
  const { host, port } = proxyOf(route);
  return new Promise((resolve, reject) => {
    const sent = request({ host, port, method, path: url, agent: false, headers: { host: 'whatever', ...(authorization === null ? {} : { 'proxy-authorization': authorization }), ...headers } });
    sent.on('error', reject);
    sent.on('response', (answer) => {
      let body = '';
      answer.setEncoding('latin1');
      answer.on('data', (chunk: string) => { body += chunk; });
      answer.on('error', () => undefined); // broken off: what came counts
      answer.on('close', () => { resolve({ status: answer.statusCode ?? Number.NaN, headers: answer.headers, body, complete: answer.complete }); });
    });
    sent.end();
  });
}

/** Sends bytes to the proxy and waits until it hangs up, or until what came is enough. */
export async function sendRaw(route: InputRoute, bytes: string, isEnough: (heard: string) => boolean = () => false): Promise<string> {
  const { host, port } = proxyOf(route);
  const socket = connect({ host, port });
  let heard = '';
  socket.on('error', () => undefined);
  socket.on('data', (chunk: Buffer) => { heard += chunk.toString('latin1'); });
  socket.write(bytes, 'latin1');
  await until(() => socket.destroyed || socket.readableEnded || isEnough(heard), { timeoutMs: 5_000, what: 'the proxy to answer' });
  socket.destroy();
  return heard;
}
