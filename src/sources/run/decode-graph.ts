import type { Letterbox, Size } from '../../core/geometry.js';
import { rationalValue, type Rational } from '../../ffmpeg/rational.js';
import type { Orientation } from '../opening/orientation.js';

/** Names of the graph's two outputs. */
export const MODEL_OUTPUT = '[model]';
export const DISPLAY_OUTPUT = '[display]';

/** Grey 114, as {@link Letterbox} says; as hexadecimal RGB. */
const PAD_COLOUR = '0x727272';
/** Marks the frames whose times are printed; ffmpeg prints only frames that carry metadata. */
const MARK = 'sightline';
/** How long a frame that is let through when it is due may be waited for. A live source that gives none for longer counts as stalled, see {@link stallLimitMs}. */
const LONGEST_PAUSE_S = 1.5;
const PAUSE_INTERVALS = 4;

export type DecodeGraphOptions = {
  readonly timeBase: Rational;
  readonly orientation: Orientation;
  /** Where the upright picture lies in the model's input. */
  readonly letterbox: Letterbox;
  readonly displaySize: Size;
  /** At most this many frames a second; `null`: all. */
  readonly fps: number | null;
  readonly declaredFps: Rational | null;
  /** Timestamp (ms) that the grid of `fps` starts at; `null`: the first frame's. */
  readonly gridStartMs: number | null;
  /** Let each frame pass when it is due. */
  readonly realtime: boolean;
  /** Whether the source's pixels may be transparent. */
  readonly hasAlpha: boolean;
  /** Descriptor that the frames' times are printed to. */
  readonly timestampsFd: number;
};

/** The filter graph of one decode: the frames that pass `fps` have their time printed and go to both outputs, so that the nth of
 * one output, the nth of the other and the nth time are one frame. Every size is explicit: a source that changes its resolution
 * keeps giving pictures of the same size, with bars at the sides where its shape has changed, in both outputs alike. */
export function decodeGraph(options: DecodeGraphOptions): string {
  const { content, canvas, offsetXPx, offsetYPx } = options.letterbox;
  const shared = [
    // Whatever time base this ffmpeg's decoder uses, the printed integers are in the one that was probed.
    `[0:V:0]settb=${String(options.timeBase.num)}/${String(options.timeBase.den)}`,
    ...(options.fps === null ? [] : [selectNearest(options.fps, options.declaredFps, options.gridStartMs)]),
    ...(options.realtime ? [realtimePace(options.fps, options.declaredFps)] : []),
    `metadata=mode=add:key=${MARK}:value=1`,
    // direct=1: each time is written with its frame, not when a buffer is full. Two backslashes reach ffmpeg, one for the graph, one for the option.
    `metadata=mode=print:key=${MARK}:file=pipe\\\\:${String(options.timestampsFd)}:direct=1`,
    ...options.orientation.filters,
    'split=2',
  ].join(',');
  const model = [
    `[m]${fitInto(content)}`,
    'format=rgb24',
    `pad=${sizeText(canvas)}:${String(offsetXPx)}+(${String(content.widthPx)}-iw)/2:${String(offsetYPx)}+(${String(content.heightPx)}-ih)/2:color=${PAD_COLOUR}`,
    `setsar=1${MODEL_OUTPUT}`,
  ].join(',');
  // rgb24 in between makes every pixel opaque.
  const display = [`[d]${fitInto(options.displaySize)}`, ...(options.hasAlpha ? ['format=rgb24'] : []), 'format=rgba', `pad=${sizeText(options.displaySize)}:(ow-iw)/2:(oh-ih)/2`, `setsar=1${DISPLAY_OUTPUT}`].join(',');
  return `${shared}[m][d];${model};${display}`;
}

/** Keeps, for each point k / fps of a grid that starts at the first frame, the frame nearest to it; the earlier of two that are equally near.
 * Knows only the past: the next frame is expected half a declared interval later. At a constant rate that is exact; at a variable
 * one a frame may be taken although the next is nearer, but none is taken twice and each stretch without frames costs only its own points.
 * A jump backwards in time of more than a grid step starts counting anew. */
export function selectNearest(fps: number, declaredFps: Rational | null, gridStartMs: number | null): string {
  const halfIntervalS = declaredFps === null ? 0 : 0.5 / rationalValue(declaredFps);
  const start = gridStartMs === null ? 'start_pts*TB' : String(gridStartMs / 1000);
  // 1 µs: two points that are equally near must not be told apart by the last bit of a double.
  const position = `(t-(${start})+${String(halfIntervalS + 1e-6)})*${String(fps)}`;
  // Variable 0 holds the number of the first point without a frame.
  return `select='if(isnan(t),1,if(gt(${position},ld(0))+gt(ld(0)-${position},1.5),1+0*st(0,ceil(${position})),0))'`;
}

/** Lets each frame pass when it is due, by its distance to the one before. A longer wait than for a few frames is a jump of the source's clock and is left out; `-re`, which ffmpeg
 * has for this, would wait hours for it, and rush through times below zero. */
function realtimePace(fps: number | null, declaredFps: Rational | null): string {
  const rate = Math.min(fps ?? Infinity, declaredFps === null ? Infinity : rationalValue(declaredFps));
  return `realtime=limit=${String(Math.max(LONGEST_PAUSE_S, PAUSE_INTERVALS / rate))}`;
}

/** Scales to a size; a picture of another shape (`dar`: width by height in square pixels), to what fits inside. Up to 2 % is rounding and not another shape; ten times
 * is a damaged sample aspect, which counts for nothing. */
function fitInto(size: Size): string {
  const [width, height] = [String(size.widthPx), String(size.heightPx)];
  const shape = `(dar*${height}/${width})`;
  const same = `between(${shape},0.98,1.02)+lt(${shape},0.11)+gt(${shape},9)`;
  return `scale=w='if(${same}+gt(${shape},1),${width},max(1,round(${height}*dar)))':h='if(${same}+lt(${shape},1),${height},max(1,round(${width}/dar)))':flags=bilinear`;
}

function sizeText(size: Size): string {
  return `${String(size.widthPx)}:${String(size.heightPx)}`;
}
