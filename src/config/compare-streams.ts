import { isDeepStrictEqual } from 'node:util';
import type { StreamConfig } from './service-config.js';

/** What it takes to get from one stream to another of the same id: nothing, a change of what people see (`style`), or a new start. Files, and how it was said, do not count. */
export function compareStreams(before: StreamConfig, after: StreamConfig): 'none' | 'style' | 'restart' {
  if (!isDeepStrictEqual(withoutStyle(before), withoutStyle(after))) return 'restart';
  return before.name === after.name && isDeepStrictEqual({ ...before.thresholds }, { ...after.thresholds }) ? 'none' : 'style';
}

function withoutStyle(stream: StreamConfig): StreamConfig {
  return { ...stream, name: '', thresholds: {}, file: null, given: {} };
}
