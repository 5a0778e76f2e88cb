import { connect } from 'node:net';
import { resolveUpstream } from '../gateway/source-gateway.js';
import { CONFIGURED_ACCESS } from '../opening/source-access.js';
import type { VideoSourceOptions } from '../video-source-contract.js';

const INTERVAL_MS = 500;
/** A host that does not answer a connect within this counts as out of reach. */
const CONNECT_LIMIT_MS = 1000;

export type Address = { readonly host: string; readonly port: number };

/** How to find out where a source's host is now, for a look at its port; `null` for what is not on the network, or no source at all. */
export function resolveSource(source: string, { access = CONFIGURED_ACCESS }: VideoSourceOptions): ((signal: AbortSignal) => Promise<Address>) | null {
  if (!/^(?:rtsp|http)s?:\/\//iu.test(source)) return null;
  return (signal) => resolveUpstream(source, access.network, signal);
}

/** Whether something accepts TCP connections at an address now: connects and hangs up at once. Never rejects. */
export function accepts({ host, port }: Address, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve(false);
      return;
    }
    const socket = connect({ host, port });
    const end = (accepted: boolean): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      socket.destroy();
      resolve(accepted);
    };
    const onAbort = (): void => { end(false); };
    const timer = setTimeout(onAbort, CONNECT_LIMIT_MS);
    signal.addEventListener('abort', onAbort);
    socket.once('connect', () => { end(true); });
    // Also what comes after end() has its listener: an error without one would end the process.
    socket.on('error', () => { end(false); });
  });
}

export type ReachabilityOptions = {
  /** Where the camera is now; asked before each look. A rejection counts as out of reach. */
  readonly resolve: (signal: AbortSignal) => Promise<Address>;
  /** Looks no earlier than this, ms. */
  readonly afterMs: number;
  /** Called once, when the address accepts after it did not. */
  readonly onReachable: () => void;
};

/** Looks twice a second whether a camera that was out of reach can be reached again. One that is reachable all the time is none of its business. */
export class ReachabilityWatch {
  readonly #options: ReachabilityOptions;
  readonly #abort = new AbortController();
  #timer: NodeJS.Timeout;
  #wasDown = false;

  constructor(options: ReachabilityOptions) {
    this.#options = options;
    this.#timer = setTimeout(() => { void this.#look(); }, options.afterMs);
  }

  /** Idempotent. */
  close(): void {
    clearTimeout(this.#timer);
    this.#abort.abort();
  }

  async #look(): Promise<void> {
    const { signal } = this.#abort;
    const startMs = performance.now();
    const accepted = await this.#accepts(signal);
    if (signal.aborted) return;
    if (accepted && this.#wasDown) {
      this.close();
      this.#options.onReachable();
      return;
    }
    this.#wasDown = !accepted;
    this.#timer = setTimeout(() => { void this.#look(); }, Math.max(0, INTERVAL_MS - (performance.now() - startMs)));
  }

  async #accepts(signal: AbortSignal): Promise<boolean> {
    let address: Address;
    try {
      address = await this.#options.resolve(signal);
    } catch {
      return false; // no such name, or it is not allowed: the next try says so in words
    }
    return accepts(address, signal);
  }
}
