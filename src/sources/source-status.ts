import type { SightlineError } from '../core/errors.js';
import { limitWidth } from '../core/geometry.js';
import type { StatusError } from '../core/stream-status.js';
import { rationalValue } from '../ffmpeg/rational.js';
import type { SourceInfo } from './opening/probe-source.js';
import type { SourceStatus, VideoSourceEvents } from './video-source-contract.js';

type InfoStatus = Pick<SourceStatus, 'displaySize' | 'sourceSize' | 'timeBase' | 'declaredFps' | 'declaredRate' | 'durationMs' | 'frameCount' | 'startPtsMs'>;

/** The part of a status that tells what a source holds.
 * @param widthPx limit of the display picture, as in the source's options
 * @param firstPtsMs of the first frame that came, `null` before */
export function infoStatus(info: SourceInfo | null, { widthPx, firstPtsMs }: { readonly widthPx: number | null; readonly firstPtsMs: number | null }): InfoStatus {
  return {
    displaySize: info === null ? null : limitWidth(info.size, widthPx),
    sourceSize: info?.size ?? null,
    timeBase: info?.timeBase ?? null,
    declaredFps: info?.declaredFps ? rationalValue(info.declaredFps) : null,
    declaredRate: info?.declaredFps ?? null,
    durationMs: info?.durationMs ?? null,
    frameCount: info?.frameCount ?? null,
    startPtsMs: firstPtsMs ?? info?.startPtsMs ?? null,
  };
}

/** Tells a listener of statuses that differ from the one before. */
export class StatusTeller {
  readonly #events: Pick<VideoSourceEvents, 'onState'>;
  #told = '';

  constructor(events: Pick<VideoSourceEvents, 'onState'>) {
    this.#events = events;
  }

  tell(status: SourceStatus): void {
    const text = JSON.stringify(status);
    if (text === this.#told) return;
    this.#told = text;
    this.#events.onState(status);
  }
}

/** An error as a status tells it: with the program's last words where there are any. */
export function statusError(error: SightlineError | null): StatusError | null {
  return error === null ? null : { code: error.code, message: error.message, ...(error.log.length > 0 && { log: error.log }) };
}
