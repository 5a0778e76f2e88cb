import { SupervisedSource } from './supervised-source.js';
import type { VideoSource, VideoSourceEvents, VideoSourceOptions } from './video-source-contract.js';

export type { SourceStatus, VideoSource, VideoSourceEvents, VideoSourceOptions } from './video-source-contract.js';

/** Makes the source of one stream; nothing runs before `start()`. */
export function createVideoSource(options: VideoSourceOptions, events: VideoSourceEvents): VideoSource {
  return new SupervisedSource(options, events);
}
