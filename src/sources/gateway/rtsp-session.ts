import type { Socket } from 'node:net';
import { ClosedError, SightlineError, SourceNotAllowedError, SourceOpenError } from '../../core/errors.js';
import { connectUpstream } from './connect-upstream.js';
import { UpstreamLogin } from './digest-auth.js';
import { resolveAllowed } from './resolve-host.js';
import { errorForConnection, errorForStatus, type RouteFailure } from './route-failure.js';
import type { RouteOptions } from './route.js';
import type { RtspAddresses } from './rtsp-addresses.js';
import { requestOf, serializeMessage, statusOf, valuesOf, withHeaders, type RtspMessage } from './rtsp-message.js';
import { RtspSplitter, RtspSyntaxError } from './rtsp-splitter.js';
import { parseUpstream, type Upstream } from './upstream-url.js';

export type RtspSessionOptions = {
  /** ffmpeg's side. */
  readonly client: Socket;
  readonly upstream: Upstream;
  readonly addresses: RtspAddresses;
  readonly login: UpstreamLogin;
  readonly failure: RouteFailure;
  readonly options: RouteOptions;
  readonly signal: AbortSignal;
};

/** A request on its way: as ffmpeg made it. */
type Pending = { readonly message: RtspMessage; readonly method: string; readonly uri: string; readonly clientCSeq: string; answered: number };

const MAX_REDIRECTS = 5;
/** ffmpeg has at most a request and a keep-alive on their way. */
const MAX_PENDING = 16;
/** What a server answers to these says nothing of the source. */
const SIDE_REQUESTS: ReadonlySet<string> = new Set(['GET_PARAMETER', 'SET_PARAMETER', 'TEARDOWN']);

/** One RTSP connection of ffmpeg with the connection to the camera that belongs to it. The camera is not bothered before the first request that knows the
 * secret: whoever else on this machine finds the port is shut out. */
export class RtspSession {
  readonly #given: RtspSessionOptions;
  readonly #ended = new AbortController();
  readonly #pending = new Map<number, Pending>();
  /** Requests that came before the camera was there. */
  #waiting: Pending[] = [];
  #upstream: Upstream;
  #login: UpstreamLogin;
  #camera: Socket | null = null;
  #cSeq = 0;
  #redirects = 0;
  /** Whether the other side has shown that it is our ffmpeg. */
  #isOurs = false;

  constructor(options: RtspSessionOptions) {
    this.#given = options;
    this.#upstream = options.upstream;
    this.#login = options.login;
  }

  /** Resolves when both connections are gone. Never rejects. */
  async run(): Promise<void> {
    const { client, signal } = this.#given;
    const splitter = new RtspSplitter({
      onMessage: (message) => { this.#fromClient(message); },
      onPackets: (bytes) => {
        if (this.#isOurs) this.#toCamera(bytes);
        else this.#shut();
      },
      wholePackets: true,
    });
    const closed = new Promise<void>((resolve) => { client.once('close', () => { resolve(); }); });
    client.on('error', () => undefined); // `close` follows
    // Who was told goodbye is not listened to any more.
    client.on('data', (chunk) => { if (!client.writableEnded) this.#guard(() => { splitter.push(chunk); }); });
    client.on('drain', () => { this.#camera?.resume(); });
    const onAbort = (): void => { client.destroy(); };
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    await closed;
    signal.removeEventListener('abort', onAbort);
    this.#ended.abort();
    this.#leaveCamera();
  }

  /** Connects to where the camera is now and sends what waits. */
  async #connect(): Promise<void> {
    const { options: { policy, timeoutMs } } = this.#given;
    const { host, port, secure, displayName } = this.#upstream;
    const { signal } = this.#ended;
    try {
      const addresses = await resolveAllowed(host, { policy, timeoutMs, signal, displayName });
      const camera = await connectUpstream({ addresses, port, tlsHost: secure ? host : null, timeoutMs, signal, displayName });
      if (signal.aborted) camera.destroy();
      else this.#use(camera);
    } catch (error) {
      if (!(error instanceof SightlineError)) throw error;
      this.#fail(error);
    }
  }

  #use(camera: Socket): void {
    const { client } = this.#given;
    this.#camera = camera;
    const splitter = new RtspSplitter({
      onMessage: (message) => { this.#fromCamera(message); },
      onPackets: (bytes) => { this.#toClient(bytes); },
      wholePackets: false,
    });
    let failure: NodeJS.ErrnoException | null = null;
    camera.on('error', (error) => { failure = error; });
    camera.on('data', (chunk) => { if (this.#camera === camera) this.#guard(() => { splitter.push(chunk); }); });
    camera.on('drain', () => { client.resume(); });
    camera.on('close', () => {
      client.resume();
      if (this.#camera !== camera) return;
      this.#camera = null;
      // What is still unanswered never will be.
      if (failure !== null || this.#pending.size > 0) this.#given.failure.note(failure === null ? this.#error('the camera hung up') : errorForConnection(this.#upstream.displayName, failure));
      this.#shut();
    });
    for (const pending of this.#waiting.splice(0)) this.#send(pending);
  }

  #fromClient(message: RtspMessage): void {
    const request = requestOf(message);
    if (request === null) {
      // ffmpeg's answer to a request of the camera, or it is not our ffmpeg.
      if (this.#isOurs && statusOf(message) !== null) this.#toCamera(serializeMessage(message));
      else this.#shut();
      return;
    }
    const pending: Pending = { message, ...request, clientCSeq: valuesOf(message, 'cseq')[0] ?? '0', answered: 0 };
    const knowsSecret = request.uri === '*' ? this.#isOurs : this.#given.addresses.toUpstream(request.uri) !== null;
    if (!knowsSecret) {
      this.#answer(pending, '404 Not Found');
      this.#shut();
    } else if (this.#pending.size + this.#waiting.length >= MAX_PENDING) {
      this.#fail(this.#error('too many requests at a time'));
    } else if (this.#camera === null) {
      this.#waiting.push(pending);
      if (!this.#isOurs) void this.#connect();
      this.#isOurs = true;
    } else {
      this.#send(pending);
    }
  }

  #send(pending: Pending): void {
    const { message, method } = pending;
    const uri = this.#given.addresses.toUpstream(pending.uri) ?? '*';
    this.#cSeq += 1;
    this.#pending.set(this.#cSeq, pending);
    const headers = withHeaders(message.headers, { cseq: String(this.#cSeq), authorization: this.#login.authorization(method, uri) });
    this.#toCamera(serializeMessage({ startLine: `${method} ${uri} RTSP/1.0`, headers, body: message.body }));
  }

  #fromCamera(message: RtspMessage): void {
    const status = statusOf(message);
    if (status === null) {
      // Where a camera sends us in the middle of a session is found out by asking again.
      if (requestOf(message)?.method === 'REDIRECT') this.#fail(this.#error('the camera ended the session and sends us elsewhere'));
      else this.#toClient(serializeMessage(message));
      return;
    }
    const cSeq = Number(valuesOf(message, 'cseq')[0] ?? Number.NaN);
    const key = this.#pending.has(cSeq) ? cSeq : [...this.#pending.keys()][0];
    const pending = key === undefined ? undefined : this.#pending.get(key);
    if (key === undefined || pending === undefined) return; // an answer to nothing
    if (status < 200) return;
    this.#pending.delete(key);
    if (status === 401 && this.#login.accept(valuesOf(message, 'www-authenticate'), pending.answered)) {
      pending.answered += 1;
      this.#send(pending);
      return;
    }
    const location = valuesOf(message, 'location')[0];
    if (status >= 300 && status < 400 && location !== undefined) {
      this.#redirect(pending, location);
      return;
    }
    this.#note(pending, status);
    this.#toClient(serializeMessage(this.#translated(message, pending)));
  }

  #note({ method }: Pending, status: number): void {
    const { failure } = this.#given;
    if (status >= 400 && !SIDE_REQUESTS.has(method)) failure.note(errorForStatus(this.#upstream.displayName, status));
    else if (status === 200 && method === 'DESCRIBE') failure.noteSuccess();
  }

  /** An answer as ffmpeg may have it: addresses of the relay in place of the camera's, no challenge, media from the camera alone. */
  #translated(message: RtspMessage, { clientCSeq, method }: Pending): RtspMessage {
    const { addresses } = this.#given;
    const changes: Record<string, string | null> = { cseq: clientCSeq, 'www-authenticate': null };
    for (const name of ['content-base', 'content-location', 'location', 'rtp-info']) {
      const value = valuesOf(message, name)[0];
      if (value !== undefined) changes[name] = addresses.toClient(value);
    }
    const transport = valuesOf(message, 'transport')[0];
    if (transport !== undefined) changes['transport'] = this.#safeTransport(transport);
    // ffmpeg takes it for a session description whatever type the camera gives it.
    const body = method === 'DESCRIBE' && message.body.length > 0 ? Buffer.from(safeSdp(addresses.toClient(message.body.toString('latin1'))), 'latin1') : message.body;
    return { startLine: message.startLine, headers: withHeaders(message.headers, changes), body };
  }

  /** Media over UDP comes from, and reports go to, the address that was checked, whatever the camera says. */
  #safeTransport(transport: string): string {
    const parts = transport.split(';').filter((part) => !/^\s*(?:source|destination)\s*=/iu.test(part));
    const address = this.#camera?.remoteAddress;
    return /\btcp\b/iu.test(parts[0] ?? '') || address === undefined ? parts.join(';') : [...parts, `source=${address.replace(/^::ffff:/u, '')}`].join(';');
  }

  #redirect(pending: Pending, location: string): void {
    this.#redirects += 1;
    this.#waiting = [{ ...pending, answered: 0 }, ...this.#pending.values()];
    this.#pending.clear();
    this.#leaveCamera();
    let target: Upstream;
    try {
      target = parseUpstream(new URL(location, 'rtsp://relative.invalid/').protocol.startsWith('rtsp') ? location : 'none');
    } catch {
      this.#fail(new SourceNotAllowedError(`${this.#upstream.displayName}: the camera sends us to something that is not rtsp://`));
      return;
    }
    if (this.#redirects > MAX_REDIRECTS) {
      this.#fail(this.#error('the camera sends us in circles'));
      return;
    }
    const { upstream: own, login, addresses } = this.#given;
    // The login is for the configured server, and for nobody that it names.
    const isOwn = target.host === own.host && target.port === own.port && target.secure === own.secure;
    this.#login = isOwn ? login : new UpstreamLogin(null);
    this.#upstream = { ...target, displayName: `${own.displayName} (sent to ${target.host})` };
    addresses.moveTo(target);
    void this.#connect();
  }

  /** Ends the connection to the camera; what it still says, and that it is closed, is of no interest. */
  #leaveCamera(): void {
    const camera = this.#camera;
    this.#camera = null;
    camera?.destroy();
  }

  #answer({ clientCSeq }: Pending, status: string): void {
    this.#toClient(serializeMessage({ startLine: `RTSP/1.0 ${status}`, headers: [['CSeq', clientCSeq]], body: Buffer.alloc(0) }));
  }

  /** Whichever side does not read keeps the other from being read. */
  #toClient(bytes: Buffer): void {
    const { client } = this.#given;
    if (!client.writableEnded && !client.write(bytes)) this.#camera?.pause();
  }

  #toCamera(bytes: Buffer): void {
    if (this.#camera?.write(bytes) === false) this.#given.client.pause();
  }

  /** Lets what was written get there, then ends the connection. */
  #shut(): void {
    const { client } = this.#given;
    if (!client.writableEnded) client.end(() => { client.destroy(); });
  }

  /** Ends the session for a reason that the supervisor is to know. */
  #fail(error: SightlineError): void {
    if (!(error instanceof ClosedError)) this.#given.failure.note(error);
    const status = error instanceof SourceNotAllowedError ? '403 Forbidden' : '503 Service Unavailable';
    for (const pending of [...this.#pending.values(), ...this.#waiting.splice(0)]) this.#answer(pending, status);
    this.#pending.clear();
    this.#shut();
  }

  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof RtspSyntaxError)) throw error;
      if (this.#isOurs) this.#given.failure.note(this.#error(error.message));
      this.#given.client.destroy();
    }
  }

  #error(what: string): SourceOpenError {
    return new SourceOpenError(`${this.#upstream.displayName}: ${what}`, { retryable: true });
  }
}

/** A session description may name another host for its media: it comes from the camera itself. ffmpeg forgives blanks in odd places. */
function safeSdp(sdp: string): string {
  return sdp.replace(/^[^\S\r\n]*c[^\S\r\n]*=[^\r\n]*/gimu, (line) => (/\bIP6\b/iu.test(line) ? 'c=IN IP6 ::' : 'c=IN IP4 0.0.0.0'));
}
