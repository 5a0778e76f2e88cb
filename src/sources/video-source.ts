import { LiveSource } from './live/live-source.js';
import { ReplaySource } from './replay/replay-source.js';
import type { VideoSource, VideoSourceEvents, VideoSourceOptions } from './video-source-contract.js';

export type { SeekTarget, SourceStatus, VideoSource, VideoSourceEvents, VideoSourceOptions } from './video-source-contract.js';

/** Makes the source of one stream; nothing runs before `start()`. */
export function createVideoSource(options: VideoSourceOptions, events: VideoSourceEvents): VideoSource {
  return options.mode === 'live' ? new LiveSource(options, events) : new ReplaySource(options, events);
}
