import type { Page } from 'playwright-core';
import type { FrameHeader } from '../../src/viewers/protocol.js';
import { SQUARE_CLIP } from './square-clip.js';

/** One picture as it stood on the screen, read from its pixels. */
export type ShownPicture = {
  /** The number that the picture itself shows. */
  readonly number: number;
  readonly seq: number;
  readonly header: FrameHeader;
  readonly widthPx: number;
  /** Where the box's line is met from outside, left, right and below, and where it ends towards the square, above; pixels of the picture. NaN where there is none. */
  readonly edges: { readonly left: number; readonly right: number; readonly bottom: number; readonly top: number };
  /** What is between the ground and the square: `line` as it should be; `gap` when dark shows between line and square, `square` when the square is met first. */
  readonly between: readonly ('line' | 'gap' | 'square')[];
};

type Recorder = { readonly pictures: ShownPicture[] };

/** Reads every picture that the large view shows from now on, in the moment it is painted. */
export async function recordPictures(page: Page): Promise<void> {
  const canvas = page.locator('.stream-view .picture canvas[role="img"]');
  await canvas.waitFor();
  await canvas.evaluate((canvas: HTMLCanvasElement, clip) => {
    const recorder: { pictures: unknown[] } = { pictures: [] };
    Object.assign(window, { recorder });
    const copy = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    const read = (): void => {
      if (copy === null) return;
      const { width, height } = canvas;
      const scale = width / clip.widthPx;
      Object.assign(copy.canvas, { width, height });
      copy.drawImage(canvas, 0, 0);
      const { data } = copy.getImageData(0, 0, width, height);
      const luma = (x: number, y: number): number => {
        const at = (Math.round(y) * width + Math.round(x)) * 4;
        return 0.299 * (data[at] ?? 0) + 0.587 * (data[at + 1] ?? 0) + 0.114 * (data[at + 2] ?? 0);
      };
      let number = 0;
      for (let bit = 0; bit < clip.bits; bit += 1) if (luma(((bit + 0.5) * width) / clip.bits, (clip.stripPx / 3) * scale) > 127) number += 2 ** bit;
      const left = (clip.left + ((clip.dx * number) % clip.spanX)) * scale;
      const top = (clip.top + ((clip.dy * number) % clip.spanY)) * scale;
      const side = clip.sidePx * scale;
      const middle = { x: Math.round(left + side / 2), y: Math.round(top + side / 2) };
      // From outside inwards: where the ground ends, and what comes before the square.
      const scan = (fromX: number, fromY: number, dx: number, dy: number): { steps: number; between: string } => {
        const reach = Math.ceil(side / 2) + 12;
        const steps = Array.from({ length: reach }, (_, step) => luma(fromX + dx * step, fromY + dy * step));
        const edge = steps.findIndex((value) => value > 44);
        const square = steps.findIndex((value) => value > 171);
        const between = square <= edge ? 'square' : Math.min(...steps.slice(edge, square)) < 44 ? 'gap' : 'line';
        return { steps: edge === -1 ? Number.NaN : edge, between };
      };
      const out = Math.ceil(side / 2) + 10;
      const fromLeft = scan(middle.x - out, middle.y, 1, 0);
      const fromRight = scan(middle.x + out, middle.y, -1, 0);
      const fromBelow = scan(middle.x, middle.y + out, 0, -1);
      // Above the box stands its label: from the square outwards instead.
      let inner = middle.y;
      while (inner > 0 && luma(middle.x, inner) > 171) inner -= 1;
      recorder.pictures.push({
        number,
        seq: Number(canvas.dataset['seq']),
        header: JSON.parse(canvas.dataset['header'] ?? '{}') as unknown,
        widthPx: width,
        edges: { left: middle.x - out + fromLeft.steps, right: middle.x + out - fromRight.steps + 1, bottom: middle.y + out - fromBelow.steps + 1, top: inner + 1 },
        between: [fromLeft.between, fromRight.between, fromBelow.between],
      });
    };
    new MutationObserver(read).observe(canvas, { attributes: true, attributeFilter: ['data-seq'] });
    if (canvas.dataset['seq'] !== undefined) read();
  }, SQUARE_CLIP);
}

/** What was shown since {@link recordPictures}, or, with `from`, since there were so many. */
export function picturesOf(page: Page, from = 0): Promise<readonly ShownPicture[]> {
  return page.evaluate((start) => (window as unknown as { recorder: Recorder }).recorder.pictures.slice(start), from);
}
