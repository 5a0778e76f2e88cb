import { authorityOf, type Upstream } from './upstream-url.js';

/** An absolute URL of RTSP, up to its path. */
const ABSOLUTE = /\brtsps?:\/\/[^/?#\s;,"]*/giu;

/** Translates between the addresses that ffmpeg uses on a relay and those that the camera knows.
 *
 * ffmpeg is given `rtsp://127.0.0.1:PORT/SECRET`, which stands for the whole configured URL, path and query included; what the camera names itself comes back
 * under a second secret that stands for its host alone. A request that begins with neither is not from our ffmpeg. */
export class RtspAddresses {
  /** What ffmpeg opens. */
  readonly input: string;
  readonly #absolute: string;
  #authority: string;
  #target: string;

  /** @param relay `127.0.0.1:PORT`
   * @param secrets two different ones, of letters and digits */
  constructor(upstream: Upstream, relay: string, secrets: readonly [whole: string, host: string]) {
    this.input = `rtsp://${relay}/${secrets[0]}`;
    this.#absolute = `rtsp://${relay}/${secrets[1]}`;
    this.#authority = urlAuthority(upstream);
    this.#target = upstream.target;
  }

  /** The camera has sent us elsewhere: from now on that is the configured URL. */
  moveTo(upstream: Upstream): void {
    this.#authority = urlAuthority(upstream);
    this.#target = upstream.target;
  }

  /** What the camera is asked for. @returns `null` for an address that was not given out here */
  toUpstream(uri: string): string | null {
    if (uri === '*') return uri;
    for (const [prefix, base] of [[this.input, this.#authority + this.#target], [this.#absolute, this.#authority]] as const) {
      if (uri.startsWith(prefix)) return base + uri.slice(prefix.length);
    }
    return null;
  }

  /** Text of the camera (a header, a session description) with its absolute addresses turned into ours, whatever host they name: behind a
   * router a camera calls itself by another name than the one it is reached by. */
  toClient(text: string): string {
    return text.replace(ABSOLUTE, () => this.#absolute);
  }
}

/** `rtsp://host:port` as a request line has it; over TLS cameras want the scheme that they were called with. */
function urlAuthority({ secure, host, port }: Upstream): string {
  return `${secure ? 'rtsps' : 'rtsp'}://${authorityOf(host, port, secure ? 322 : 554)}`;
}
