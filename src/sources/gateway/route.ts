import type { SightlineError } from '../../core/errors.js';
import type { NetworkPolicy } from './network-policy.js';

/** What ffmpeg or ffprobe is given for one run. */
export type InputRoute = {
  /** For after `-i`: holds no user and no password. */
  readonly input: string;
  /** Variables of the child; `null`: unset. */
  readonly environment: Readonly<Record<string, string | null>>;
  /** Why the upstream could not be used, as the gateway saw it itself (clearer than ffmpeg's words); `null` while nothing failed. Newest wins, but a refusal by the policy stays. */
  readonly failure: () => SightlineError | null;
  /** How long the segments of the HLS playlist that went by last are at most, ms; `null` when none did. */
  readonly targetDurationMs: () => number | null;
  /** Ends listeners and connections. Idempotent; never rejects. */
  close(): Promise<void>;
};

export type RouteOptions = {
  /** What ffmpeg will be told to use; only RTSP knows the difference. */
  readonly transport: 'tcp' | 'udp';
  /** Limit for resolving and connecting, and for silence over HTTP, ms. */
  readonly timeoutMs: number;
  readonly policy: NetworkPolicy;
  /** Ends the opening; an open route is ended by `close`. */
  readonly signal?: AbortSignal;
};
