import { SightlineError } from '../../core/errors.js';
import { HttpProxy } from './http-proxy.js';
import type { NetworkPolicy } from './network-policy.js';
import { resolveAllowed } from './resolve-host.js';
import type { InputRoute, RouteOptions } from './route.js';
import { RtspRelay } from './rtsp-relay.js';
import { parseUpstream, type UpstreamUrl } from './upstream-url.js';

/** How long a name may take to resolve where nothing else says so, ms. */
const RESOLVE_TIMEOUT_MS = 5_000;

/** Opens the one way by which ffmpeg gets to a network source: through a proxy or a relay on loopback that checks every address it connects to and keeps the login.
 * @throws {SourceNotAllowedError} the policy does not let a source be there
 * @throws {SourceOpenError} not a usable URL; or, retryable, a name that is not known
 * @throws {ClosedError} when `options.signal` ended it */
export async function openRoute(url: UpstreamUrl, options: RouteOptions): Promise<InputRoute> {
  const upstream = parseUpstream(url);
  // Said at once and in words; the route checks again when it connects.
  await resolveAllowed(upstream.host, { ...options, displayName: upstream.displayName });
  return upstream.protocol === 'rtsp' ? RtspRelay.open(upstream, options) : HttpProxy.open(upstream, options);
}

/** Checks, without connecting, that a source may be where a URL says. A name that is not known yet passes: it is checked again with every connection.
 * @throws {SourceNotAllowedError} @throws {SourceOpenError} not a usable URL */
export async function checkNetworkAccess(url: UpstreamUrl, policy: NetworkPolicy, signal?: AbortSignal): Promise<void> {
  try {
    await resolveUpstream(url, policy, signal);
  } catch (error) {
    if (!(error instanceof SightlineError && error.retryable)) throw error;
  }
}

/** Where a source is now: the first address that the policy allows.
 * @throws {SourceNotAllowedError} @throws {SourceOpenError} not a usable URL, or (retryable) a name that is not known */
export async function resolveUpstream(url: UpstreamUrl, policy: NetworkPolicy, signal?: AbortSignal): Promise<{ readonly host: string; readonly port: number }> {
  const { host, port, displayName } = parseUpstream(url);
  const [address = host] = await resolveAllowed(host, { policy, timeoutMs: RESOLVE_TIMEOUT_MS, signal, displayName });
  return { host: address, port };
}
