import { createHash } from 'node:crypto';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { selfSigned } from './self-signed.js';

/** A request as the server read it. */
export type WebRequest = {
  readonly method: string;
  /** As it stands in the request line. */
  readonly target: string;
  /** Keyed in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** All that came before the empty line. */
  readonly text: string;
};

/** The whole answer as it goes over the wire, after which the server hangs up; `null`: nothing is sent by itself. */
export type WebScript = (request: WebRequest, socket: Socket) => Buffer | string | null;

export type ScriptedWebOptions = { readonly host?: string; readonly port?: number; readonly tls?: boolean };

/** A web server that does as it is told, byte for byte, and remembers what it saw. */
export class ScriptedWeb {
  readonly host: string;
  readonly requests: WebRequest[] = [];
  readonly sockets: Socket[] = [];
  script: WebScript;
  #close: () => Promise<void> = () => Promise.resolve();
  #port = 0;

  private constructor(script: WebScript, host: string) {
    this.script = script;
    this.host = host;
  }

  static async start(script: WebScript = () => page('hello'), { host = '127.0.0.1', port = 0, tls = false }: ScriptedWebOptions = {}): Promise<ScriptedWeb> {
    const web = new ScriptedWeb(script, host);
    const raw = new Set<Socket>();
    const serve = (socket: Socket): void => { web.#serve(socket); };
    const server = tls ? createTlsServer(selfSigned(), serve) : createServer(serve);
    server.on('tlsClientError', () => undefined);
    server.on('connection', (socket: Socket) => {
      raw.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => { raw.delete(socket); });
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, resolve);
    });
    web.#port = (server.address() as AddressInfo).port;
    web.#close = () => new Promise((resolve) => {
      server.close(() => { resolve(); });
      for (const socket of raw) socket.destroy();
    });
    return web;
  }

  get port(): number {
    return this.#port;
  }

  /** `host:port` */
  get authority(): string {
    return `${this.host.includes(':') ? `[${this.host}]` : this.host}:${String(this.#port)}`;
  }

  /** Connections that are open now. */
  get open(): number {
    return this.sockets.filter((socket) => !socket.destroyed).length;
  }

  close(): Promise<void> {
    return this.#close();
  }

  #serve(socket: Socket): void {
    this.sockets.push(socket);
    let head = '';
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      if (head.includes('\r\n\r\n')) return;
      head += chunk.toString('latin1');
      const [text, rest] = head.split('\r\n\r\n');
      if (rest === undefined || text === undefined) return;
      const [line = '', ...lines] = text.split('\r\n');
      const [method = '', target = ''] = line.split(' ');
      const request = { method, target, text, headers: Object.fromEntries(lines.map((each) => [each.slice(0, each.indexOf(':')).toLowerCase(), each.slice(each.indexOf(':') + 1).trim()])) };
      this.requests.push(request);
      const answer = this.script(request, socket);
      if (answer !== null) socket.end(answer);
    });
  }
}

/** An answer with a body of known length. */
export function page(body: Buffer | string, { status = '200 OK', headers = {} }: { readonly status?: string; readonly headers?: Readonly<Record<string, string>> } = {}): Buffer {
  const lines = Object.entries({ 'Content-Length': String(Buffer.byteLength(body)), ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`HTTP/1.1 ${status}\r\n${lines.join('')}\r\n`, 'latin1'), Buffer.from(body)]);
}

/** An answer that sends elsewhere. */
export function redirect(location: string, status = '302 Found'): Buffer {
  return page('', { status, headers: { Location: location } });
}

/** A file, with ranges. */
export function file(bytes: Buffer, type = 'video/mp4'): WebScript {
  return ({ headers }) => {
    const [, from, to = ''] = /^bytes=(\d+)-(\d*)$/u.exec(headers['range'] ?? '') ?? [];
    if (from === undefined) return page(bytes, { headers: { 'Content-Type': type, 'Accept-Ranges': 'bytes' } });
    const end = to === '' ? bytes.length - 1 : Number(to);
    return page(bytes.subarray(Number(from), end + 1), { status: '206 Partial Content', headers: { 'Content-Type': type, 'Content-Range': `bytes ${from}-${String(end)}/${String(bytes.length)}` } });
  };
}

export type WebLogin = { readonly scheme: 'basic' | 'digest'; readonly user: string; readonly password: string };

/** Asks for a login, by its own reckoning of what is right, before it lets a script answer. */
export function webLogin({ scheme, user, password }: WebLogin, script: WebScript): WebScript {
  const md5 = (text: string): string => createHash('md5').update(text).digest('hex');
  return (request, socket) => {
    const given = request.headers['authorization'] ?? '';
    const of = (name: string): string => new RegExp(`\\b${name}="?([^",]+)`, 'u').exec(given)?.[1] ?? '';
    const answer = md5(`${md5(`${user}:web:${password}`)}:n0nce:${of('nc')}:${of('cnonce')}:auth:${md5(`${request.method}:${request.target}`)}`);
    const isRight = scheme === 'basic' ? given === `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` : of('response') === answer && of('uri') === request.target && of('nonce') === 'n0nce';
    if (isRight) return script(request, socket);
    return page('go away', { status: '401 Unauthorized', headers: { 'WWW-Authenticate': scheme === 'basic' ? 'Basic realm="web"' : 'Digest realm="web", nonce="n0nce", qop="auth"' } });
  };
}
