import type { Detection } from '../frames.js';

/** Longest label that is looked at, in characters; what is longer is cut. Bounds the work that a hostile label map can cause. */
const MAX_LABEL_CHARACTERS = 64;

/** Characters with no picture of their own, or that change the order of what stands around them: controls, bidi marks, separators, lone surrogates. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]+/gu;
/** More than two marks on one letter: they would pile up far beyond the line. */
const MARK_PILE = /(\p{M}{2})\p{M}+/gu;

/** Makes text that came with a model safe to draw: one line, no control characters, at most 64 characters. */
export function cleanLabel(label: string): string {
  // Cut first (generously): the patterns then never see more than a bounded text.
  const text = label.slice(0, MAX_LABEL_CHARACTERS * 8).replace(UNSAFE, ' ').replace(MARK_PILE, '$1').replace(/\s+/gu, ' ').trim();
  return [...text].slice(0, MAX_LABEL_CHARACTERS).join('');
}

/** Formats a score as the page does too: two digits, `0.91`. */
export function formatScore(score: number): string {
  return Math.min(1, Math.max(0, score)).toFixed(2);
}

/** Formats a score for a caption: `91%`. */
export function formatPercent(score: number): string {
  return `${String(Math.round(Math.min(1, Math.max(0, score)) * 100))}%`;
}

/** Composes the label of a detection or class, `person 0.91`, in at most `maxWidthPx`: a long name ends in `…`, the score stays.
 * @param measure width of a text in pixels
 * @param format of the score
 * @returns the text and its width; `null` when not even the score fits
 */
export function fitLabelText(detection: Pick<Detection, 'label' | 'score' | 'classId'>, maxWidthPx: number, measure: (text: string) => number, format = formatScore): { readonly text: string; readonly widthPx: number } | null {
  const score = format(detection.score);
  const name = [...(cleanLabel(detection.label) || String(detection.classId))];
  const attempt = (text: string): { text: string; widthPx: number } | null => {
    const widthPx = measure(text);
    return widthPx <= maxWidthPx ? { text, widthPx } : null;
  };
  let best = attempt(`${name.join('')} ${score}`);
  if (best !== null) return best;
  let fits = 0;
  let tooLong = name.length;
  while (tooLong - fits > 1) {
    const middle = (fits + tooLong) >> 1;
    const shortened = attempt(`${name.slice(0, middle).join('').trimEnd()}… ${score}`);
    if (shortened === null) {
      tooLong = middle;
    } else {
      fits = middle;
      best = shortened;
    }
  }
  return best ?? attempt(score);
}
