import { ClosedError, type SightlineError } from '../core/errors.js';
import type { FramePools } from './frame-pools.js';
import type { InputRoute } from './gateway/route.js';
import { openRoute, resolveUpstream } from './gateway/source-gateway.js';
import { closeFramePipes, openFramePipes } from './frame-reader.js';
import { probeSource, type SourceInfo } from './probe-source.js';
import { DEMO_SOURCE } from '../core/source-kind.js';
import { parseSource, type SourceLocation } from './source-location.js';
import type { Address } from './reachability.js';
import { CONFIGURED_ACCESS, checkFileAccess } from './source-access.js';
import { SourceRun, type RunPlan } from './source-run.js';
import type { VideoSourceOptions } from './video-source-contract.js';

export type OpenRunOptions = {
  readonly source: VideoSourceOptions;
  readonly location: SourceLocation;
  /** What an earlier run found, so that the source is not asked again; `null`: ask. Only what cannot change meanwhile may be given. */
  readonly knownInfo: SourceInfo | null;
  readonly pools: FramePools;
  /** Ends the opening at any point; what was opened is closed. A run that was opened belongs to the caller. */
  readonly signal: AbortSignal;
  /** Says how to run, once it is known what the source holds. */
  readonly plan: (info: SourceInfo) => RunPlan;
  /** Called when a complete frame waits. */
  readonly onReady: () => void;
  /** Called when the run's frames cannot be taken; the owner closes the run. */
  readonly onError: (error: SightlineError) => void;
};

/** Takes the source of a stream apart; the demo's clip is drawn where it is not there.
 * @param source one of the stream's addresses
 * @throws {SourceOpenError} when it is no source
 * @throws {ClosedError} when `signal` came first */
export async function locateSource(source: string, options: Pick<VideoSourceOptions, 'demoClip'>, signal: AbortSignal): Promise<SourceLocation> {
  return parseSource(source === DEMO_SOURCE ? await unlessAborted(options.demoClip(), signal) : source);
}

/** Opens one run of ffmpeg on a source: the way to it, what it holds, pipes, process. All of it is closed with the run, or here when it fails.
 * @throws {SightlineError} why the source cannot be opened, see {@link probeSource}; what the way to it saw goes before what ffmpeg says
 * @throws {SourceOpenError} retryable, when there is no memory for its frames
 * @throws {ClosedError} when `signal` ended it */
export async function openRun(options: OpenRunOptions): Promise<SourceRun> {
  const { location, source, signal } = options;
  const route = await openWay(location, source, signal);
  try {
    return await openOn(route, options);
  } catch (error) {
    const failure = signal.aborted ? new ClosedError(location.displayName) : route.failure();
    await route.close();
    throw failure ?? error;
  }
}

async function openOn(route: InputRoute, options: OpenRunOptions): Promise<SourceRun> {
  const { location, source, pools, signal, onReady, onError } = options;
  const { tools, transport, timeoutMs } = source;
  const info = options.knownInfo ?? (await probeSource(location, { tools, transport, timeoutMs, signal, route, access: source.access ?? CONFIGURED_ACCESS }));
  const pipes = await openFramePipes();
  try {
    signal.throwIfAborted();
    return new SourceRun({ source, location, info, route, pools, pipes, ...options.plan(info), onReady, onError });
  } catch (error) {
    closeFramePipes(pipes);
    throw error;
  }
}

/** Looks at what a source holds, by the way that a stream takes to it.
 * @throws {SightlineError} why it cannot be used, see {@link probeSource} */
export async function examineSource(options: Pick<VideoSourceOptions, 'source' | 'tools' | 'transport' | 'timeoutMs' | 'access' | 'demoClip'>, signal: AbortSignal): Promise<SourceInfo> {
  const { source, tools, transport, timeoutMs, access = CONFIGURED_ACCESS } = options;
  const location = await locateSource(source, options, signal);
  const route = await openWay(location, options, signal);
  try {
    return await probeSource(location, { tools, transport, timeoutMs, signal, route, access });
  } catch (error) {
    throw route.failure() ?? error;
  } finally {
    await route.close();
  }
}

/** How to find out where a source's host is now, for a look at its port; `null` for what is not on the network, or no source at all. */
export function resolveSource(source: string, { access = CONFIGURED_ACCESS }: VideoSourceOptions): ((signal: AbortSignal) => Promise<Address>) | null {
  if (!/^(?:rtsp|http)s?:\/\//iu.test(source)) return null;
  return (signal) => resolveUpstream(source, access.network, signal);
}

/** The way that ffmpeg and ffprobe go to a source in one run: to the network only through the gateway. */
async function openWay(location: SourceLocation, { access = CONFIGURED_ACCESS, transport, timeoutMs }: Pick<VideoSourceOptions, 'access' | 'transport' | 'timeoutMs'>, signal: AbortSignal): Promise<InputRoute> {
  if (location.url !== null) return openRoute(location.url, { transport, timeoutMs, policy: access.network, signal });
  // Where a link leads may have changed since the stream was added.
  if (location.path !== null) await checkFileAccess(location.path, access, location.displayName);
  return { input: location.input, environment: {}, failure: () => null, close: () => Promise.resolve() };
}

/** Waits for `work`, but no longer than until `signal`: what is drawn for the next start need not be waited for. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => { reject(new ClosedError(DEMO_SOURCE)); };
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    work.then(resolve, reject).finally(() => { signal.removeEventListener('abort', onAbort); });
  });
}
