import { stat } from 'node:fs/promises';
import { ClosedError, type SightlineError } from '../../core/errors.js';
import { DEMO_SOURCE } from '../../core/source-kind.js';
import type { FramePools } from '../frames/frame-pools.js';
import { closeFramePipes, openFramePipes } from './frame-reader.js';
import type { InputRoute } from '../gateway/route.js';
import type { SourceInfo } from '../opening/probe-source.js';
import { parseSource, type SourceLocation } from '../opening/source-location.js';
import { SourceRun, type RunPlan } from './source-run.js';
import { SourceWay, type SourceWayOptions } from '../opening/source-way.js';
import type { VideoSourceOptions } from '../video-source-contract.js';

export type OpenRunOptions = {
  readonly source: VideoSourceOptions;
  readonly way: SourceWay;
  readonly location: SourceLocation;
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

/** Takes the source of a stream apart; the demo's clip is drawn where it is not there, and a path that is a folder means the images in it.
 * @param source one of the stream's addresses
 * @throws {SourceOpenError} when it is no source
 * @throws {ClosedError} when `signal` came first */
export async function locateSource(source: string, { demoClip }: Pick<VideoSourceOptions, 'demoClip'>, signal: AbortSignal): Promise<SourceLocation> {
  const location = parseSource(source === DEMO_SOURCE ? await unlessAborted(demoClip(), signal) : source);
  if (location.kind !== 'file') return location;
  // What is wrong with a path is said when it is opened.
  const isFolder = await stat(location.path).then((facts) => facts.isDirectory(), () => false);
  return isFolder ? { ...location, kind: 'images', pattern: null } : location;
}

/** Opens one run of ffmpeg on a source: the way to it, what it holds, pipes, process. All of it is closed with the run, or here when it fails.
 * @throws {SightlineError} why the source cannot be opened, see {@link SourceWay}; what the way to it saw goes before what ffmpeg says
 * @throws {SourceOpenError} retryable, when there is no memory for its frames
 * @throws {ClosedError} when `signal` ended it */
export async function openRun(options: OpenRunOptions): Promise<SourceRun> {
  const { location, way, signal } = options;
  return onRoute(way, location, signal, async (route) => openOn(route, await way.probe(location, route, signal), options));
}

/** Looks at what a source holds, by the way that a stream takes to it.
 * @throws {SightlineError} why it cannot be used, see {@link SourceWay} */
export async function examineSource(options: SourceWayOptions & Pick<VideoSourceOptions, 'source' | 'demoClip'>, signal: AbortSignal): Promise<SourceInfo> {
  const location = await locateSource(options.source, options, signal);
  const way = new SourceWay(options);
  try {
    return await onRoute(way, location, signal, async (route) => {
      const info = await way.probe(location, route, signal);
      await route.close();
      return info;
    });
  } finally {
    await way.close();
  }
}

/** Does `work` on an open way; where it fails, the way is closed, and what it saw itself is said. */
async function onRoute<T>(way: SourceWay, location: SourceLocation, signal: AbortSignal, work: (route: InputRoute) => Promise<T>): Promise<T> {
  let route: InputRoute | null = null;
  try {
    route = await way.open(location, signal);
    return await work(route);
  } catch (error) {
    const failure = signal.aborted ? new ClosedError(location.displayName) : route?.failure();
    await route?.close();
    throw failure ?? error;
  }
}

async function openOn(route: InputRoute, info: SourceInfo, { source, location, pools, signal, plan, onReady, onError }: OpenRunOptions): Promise<SourceRun> {
  const pipes = await openFramePipes();
  try {
    signal.throwIfAborted();
    return new SourceRun({ source, location, info, route, pools, pipes, ...plan(info), onReady, onError });
  } catch (error) {
    closeFramePipes(pipes);
    throw error;
  }
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
