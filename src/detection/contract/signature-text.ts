import type { TensorInfo } from '../../serving/metadata-messages.js';

/** Formats an input or output as `images (float [-1, 640, 640, 3])`. */
export function describeTensor(name: string, info: TensorInfo): string {
  return `${name} (${info.dtype} ${info.shape === null ? 'of unknown shape' : formatShape(info.shape)})`;
}

export function formatShape(shape: readonly number[]): string {
  return `[${shape.join(', ')}]`;
}

/** Names in alphabetical order, `none` without any. */
export function listNames(names: Iterable<string>): string {
  return [...names].sort().join(', ') || 'none';
}
