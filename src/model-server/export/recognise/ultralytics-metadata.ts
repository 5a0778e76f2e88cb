import type { Size } from '../../../core/geometry.js';

/** What Ultralytics writes of a model into `metadata_props`. */
export type UltralyticsMetadata = {
  readonly task: 'detect' | 'segment' | 'pose' | 'classify' | 'other' | null;
  /** Names of classes in their order; `null`: none given. */
  readonly names: readonly string[] | null;
  readonly size: Size | null;
  readonly keypoints: { readonly count: number; readonly scored: boolean } | null;
  readonly isRtDetr: boolean;
};

const TASKS = ['detect', 'segment', 'pose', 'classify'] as const;
/** No more names, no longer ones: a label map is small. */
const MAX_NAMES = 100_000;
const MAX_TEXT = 16 * 1024 * 1024;
/** `0: 'person'` or `'person'`, as Python prints it. */
const ENTRY = /\s*(?:(\d{1,6})\s*:\s*)?('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")\s*(?:,|$)/uy;

/** @returns `null` when it is not Ultralytics' */
export function readUltralyticsMetadata(metadata: ReadonlyMap<string, string>): UltralyticsMetadata | null {
  const [task, names, imgsz, points] = ['task', 'names', 'imgsz', 'kpt_shape'].map((key) => metadata.get(key));
  if (task === undefined && names === undefined) return null;
  const [height, width] = wholeNumbers(imgsz);
  const [count, values] = wholeNumbers(points);
  return {
    task: task === undefined ? null : (TASKS.find((known) => known === task) ?? 'other'),
    names: names === undefined ? null : readNames(names),
    size: height === undefined ? null : { heightPx: height, widthPx: width ?? height },
    keypoints: count === undefined || values === undefined ? null : { count, scored: values > 2 },
    isRtDetr: /rt-?detr/iu.test(`${metadata.get('description') ?? ''} ${metadata.get('model') ?? ''}`),
  };
}

/** Reads `{0: 'person', 1: "driver's seat"}` or `['person', 'bicycle']`.
 * @returns `null` when it is neither, or an index is left out */
function readNames(text: string): string[] | null {
  if (text.length > MAX_TEXT) return null;
  const inside = /^\s*[[{]([\s\S]*)[\]}]\s*$/u.exec(text)?.[1]?.trim();
  if (inside === undefined || inside === '') return null;
  const names = new Map<number, string>();
  ENTRY.lastIndex = 0;
  while (ENTRY.lastIndex < inside.length) {
    const entry = ENTRY.exec(inside);
    if (entry === null || names.size >= MAX_NAMES) return null;
    const [, index, quoted = ''] = entry;
    names.set(index === undefined ? names.size : Number(index), quoted.slice(1, -1).replace(/\\(.)/gu, '$1'));
  }
  const list = Array.from({ length: names.size }, (_, index) => names.get(index));
  return list.every((name) => name !== undefined) ? list : null;
}

/** Of `[640, 480]`. */
function wholeNumbers(text: string | undefined): number[] {
  return (text?.match(/\d{1,6}/gu) ?? []).map(Number).filter((value) => value > 0);
}
