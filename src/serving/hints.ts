import type { Size } from '../core/geometry.js';

/** What a server says about itself beside its answers, in initial metadata. TensorFlow Serving says none of it; every field may be unknown. */
export type ServingHints = {
  /** Size of images that costs the server no resize. */
  readonly inputSize: Size | null;
  /** Images in a request beyond which nothing is gained. */
  readonly preferredBatch: number | null;
  /** Requests beyond which they only queue. */
  readonly maxInFlight: number | null;
  /** Measured time that one image takes there, ms. */
  readonly msPerImage: number | null;
};

const INPUT_SIZE_KEY = 'sightline-input-size';
const PREFERRED_BATCH_KEY = 'sightline-preferred-batch';
const MAX_IN_FLIGHT_KEY = 'sightline-max-in-flight';
const MS_PER_IMAGE_KEY = 'sightline-ms-per-image';

/** No hint at all. */
export const NO_HINTS: ServingHints = { inputSize: null, preferredBatch: null, maxInFlight: null, msPerImage: null };

/** Writes hints as metadata entries; unknown ones are left out. */
export function hintsToHeaders(hints: ServingHints): Record<string, string> {
  const headers: Record<string, string> = {};
  if (hints.inputSize !== null) headers[INPUT_SIZE_KEY] = `${String(hints.inputSize.widthPx)}x${String(hints.inputSize.heightPx)}`;
  if (hints.preferredBatch !== null) headers[PREFERRED_BATCH_KEY] = String(hints.preferredBatch);
  if (hints.maxInFlight !== null) headers[MAX_IN_FLIGHT_KEY] = String(hints.maxInFlight);
  if (hints.msPerImage !== null) headers[MS_PER_IMAGE_KEY] = hints.msPerImage.toFixed(0);
  return headers;
}

/** Reads hints from metadata entries; what is missing or makes no sense is `null`. */
export function hintsFromHeaders(header: (key: string) => string | null): ServingHints {
  const size = /^([0-9]{1,5})x([0-9]{1,5})$/.exec(header(INPUT_SIZE_KEY) ?? '');
  const widthPx = Number(size?.[1] ?? 0);
  const heightPx = Number(size?.[2] ?? 0);
  return {
    inputSize: widthPx > 0 && heightPx > 0 ? { widthPx, heightPx } : null,
    preferredBatch: positiveInteger(header(PREFERRED_BATCH_KEY), 1024),
    maxInFlight: positiveInteger(header(MAX_IN_FLIGHT_KEY), 1024),
    msPerImage: positiveInteger(header(MS_PER_IMAGE_KEY), 3_600_000),
  };
}

function positiveInteger(text: string | null, max: number): number | null {
  if (text === null || !/^[0-9]{1,9}$/.test(text)) return null;
  const value = Number(text);
  return value >= 1 && value <= max ? value : null;
}
