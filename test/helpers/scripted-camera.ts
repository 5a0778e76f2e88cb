import { createHash } from 'node:crypto';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { selfSigned } from './self-signed.js';

/** A request as the camera read it. */
export type SeenRequest = {
  readonly method: string;
  readonly uri: string;
  /** Keyed in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Start line and headers as they came. */
  readonly text: string;
};

/** What a camera answers: the status with the headers and the body behind it, as text without `CSeq`; bytes to be sent as they are; `null`: nothing. May write to the socket, or end it, by itself. */
export type CameraScript = (request: SeenRequest, socket: Socket) => string | Buffer | null;

export type ScriptedCameraOptions = {
  readonly host?: string;
  readonly tls?: boolean;
  /** Sent to whoever connects. */
  readonly greeting?: Buffer | string;
};

/** An RTSP server that does as it is told, and remembers what it saw. */
export class ScriptedCamera {
  readonly host: string;
  readonly requests: SeenRequest[] = [];
  /** Interleaved packets and whatever else was no request, in order. */
  readonly rest: Buffer[] = [];
  readonly sockets: Socket[] = [];
  script: CameraScript;
  #close: () => Promise<void> = () => Promise.resolve();
  #port = 0;

  private constructor(script: CameraScript, host: string) {
    this.script = script;
    this.host = host;
  }

  static async start(script: CameraScript = peaceful(), { host = '127.0.0.1', tls = false, greeting }: ScriptedCameraOptions = {}): Promise<ScriptedCamera> {
    const camera = new ScriptedCamera(script, host);
    const raw = new Set<Socket>();
    const serve = (socket: Socket): void => {
      camera.#serve(socket);
      if (greeting !== undefined) socket.write(greeting);
    };
    const server = tls ? createTlsServer(selfSigned(), serve) : createServer(serve);
    server.on('tlsClientError', () => undefined);
    server.on('connection', (socket: Socket) => {
      raw.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => { raw.delete(socket); });
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, host, resolve);
    });
    camera.#port = (server.address() as AddressInfo).port;
    camera.#close = () => new Promise((resolve) => {
      server.close(() => { resolve(); });
      for (const socket of raw) socket.destroy();
    });
    return camera;
  }

  get port(): number {
    return this.#port;
  }

  /** Connections that are open now. */
  get open(): number {
    return this.sockets.filter((socket) => !socket.destroyed).length;
  }

  /** `host:port` */
  get authority(): string {
    return `${this.host}:${String(this.#port)}`;
  }

  close(): Promise<void> {
    return this.#close();
  }

  #serve(socket: Socket): void {
    this.sockets.push(socket);
    let held = Buffer.alloc(0);
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      held = Buffer.concat([held, chunk]);
      for (;;) {
        if (held[0] === 0x24 && held.length >= 4 && held.length >= 4 + held.readUInt16BE(2)) {
          const end = 4 + held.readUInt16BE(2);
          this.rest.push(held.subarray(0, end));
          held = held.subarray(end);
          continue;
        }
        const end = held[0] === 0x24 ? -1 : held.indexOf('\r\n\r\n');
        if (end < 0) return;
        this.#answer(held.toString('latin1', 0, end), socket);
        held = held.subarray(end + 4);
      }
    });
  }

  #answer(text: string, socket: Socket): void {
    const [, method, uri] = /^([A-Z_]+) (\S+) RTSP\/1\.0\r\n/u.exec(`${text}\r\n`) ?? [];
    if (method === undefined || uri === undefined) {
      this.rest.push(Buffer.from(text, 'latin1'));
      return;
    }
    const headers = Object.fromEntries(text.split('\r\n').slice(1).map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]));
    const request = { method, uri, headers, text };
    this.requests.push(request);
    const answer = this.script(request, socket);
    if (typeof answer === 'string') {
      const [status = '', ...lines] = answer.split('\r\n\r\n')[0]?.split('\r\n') ?? [];
      const body = answer.split('\r\n\r\n').slice(1).join('\r\n\r\n');
      const length = body === '' ? [] : [`Content-Length: ${String(Buffer.byteLength(body))}`];
      socket.write(`RTSP/1.0 ${[status, `CSeq: ${headers['cseq'] ?? ''}`, ...lines, ...length].join('\r\n')}\r\n\r\n${body}`);
    } else if (answer !== null) {
      socket.write(answer);
    }
  }
}

export const SDP = 'v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=camera\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:trackID=1\r\n';

/** A camera without faults, as far as one gets without pictures. `answers`: by method, in place of its own. */
export function peaceful(answers: Readonly<Record<string, string>> = {}): CameraScript {
  const own: Readonly<Record<string, string>> = {
    OPTIONS: '200 OK\r\nPublic: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER',
    DESCRIBE: `200 OK\r\nContent-Type: application/sdp\r\n\r\n${SDP}`,
    SETUP: '200 OK\r\nSession: 12345678\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1',
  };
  return ({ method }) => answers[method] ?? own[method] ?? '200 OK';
}

export type LoginOptions = { readonly scheme: 'basic' | 'digest'; readonly user: string; readonly password: string; readonly nonce?: () => string };

/** Asks for a login, by its own reckoning of what is right, before it lets a script answer. */
export function withLogin({ scheme, user, password, nonce = () => 'n0nce' }: LoginOptions, script: CameraScript = peaceful()): CameraScript {
  const md5 = (text: string): string => createHash('md5').update(text).digest('hex');
  return (request, socket) => {
    const given = request.headers['authorization'] ?? '';
    const isRight = scheme === 'basic'
      ? given === `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
      : given.includes(`nonce="${nonce()}"`) && given.includes(`uri="${request.uri}"`) && given.includes(`response="${md5(`${md5(`${user}:door:${password}`)}:${nonce()}:${md5(`${request.method}:${request.uri}`)}`)}"`);
    if (isRight) return script(request, socket);
    return `401 Unauthorized\r\nWWW-Authenticate: ${scheme === 'basic' ? 'Basic realm="door"' : `Digest realm="door", nonce="${nonce()}"`}`;
  };
}
