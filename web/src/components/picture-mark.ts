import { classColour } from '../../../src/core/class-colours.js';
import type { DetectionRecord } from '../../../src/core/detection-record.js';
import { scaleBox, type Size } from '../../../src/core/geometry.js';
import { el, setText } from '../dom.js';

const GAP_PX = 8;

/** Marks one detection in the picture and says all that is known of it. */
export class PictureMark {
  /** Frame around the box. */
  readonly frame = el('div', { class: 'highlight' });
  /** Beside the box; described by it, a row of the list says the same to screen readers. */
  readonly card = el('div', { class: 'box-card', attributes: { id: 'box-card' } });
  readonly #swatch = el('span', { class: 'swatch' });
  readonly #label = el('span', { class: 'box-card-label' });
  readonly #score = el('span');
  readonly #size = el('span');
  readonly #place = el('span');
  readonly #ids = el('span');

  constructor() {
    const title = el('p', { class: 'box-card-title' }, this.#swatch, this.#label, this.#score);
    this.card.append(title, el('p', {}, this.#size, this.#place), el('p', {}, this.#ids));
    this.hide();
  }

  hide(): void {
    this.frame.hidden = true;
    this.card.hidden = true;
  }

  /** @param picture size that the detection's box is in
   * @param source size of the stream's picture, in whose pixels the box is told; `null` while unknown
   */
  show(detection: DetectionRecord, picture: Size, source: Size | null): void {
    this.frame.hidden = false;
    this.card.hidden = false;
    const [left, top, right, bottom] = scaleBox(detection.box, picture, { widthPx: 100, heightPx: 100 });
    const { style } = this.frame;
    style.left = `${String(left)}%`;
    style.top = `${String(top)}%`;
    style.width = `${String(right - left)}%`;
    style.height = `${String(bottom - top)}%`;
    this.#tell(detection, scaleBox(detection.box, picture, source ?? picture));
    this.#putCard([left, top, right, bottom]);
  }

  #tell(detection: DetectionRecord, [x1, y1, x2, y2]: DetectionRecord['box']): void {
    const whole = (value: number): string => String(Math.round(value));
    this.#swatch.style.background = classColour(detection.classId);
    setText(this.#label, detection.label);
    setText(this.#score, detection.score.toFixed(2));
    setText(this.#size, `${whole(x2 - x1)} × ${whole(y2 - y1)} px`);
    setText(this.#place, `at ${whole(x1)}, ${whole(y1)}`);
    const track = trackOf(detection);
    setText(this.#ids, `class ${String(detection.classId)}${track === null ? '' : ` · track ${track}`}`);
  }

  /** Beside the box where there is room, else over its lower end; never outside the picture.
   * @param box in percent of the picture */
  #putCard([left, top, right, bottom]: readonly [number, number, number, number]): void {
    const { card } = this;
    const area = card.offsetParent;
    if (area === null) return;
    const [widthPx, heightPx] = [area.clientWidth, area.clientHeight];
    const box = { left: (left / 100) * widthPx, right: (right / 100) * widthPx, top: (top / 100) * heightPx, bottom: (bottom / 100) * heightPx };
    const besideRight = box.right + GAP_PX;
    const besideLeft = box.left - GAP_PX - card.offsetWidth;
    const fitsRight = besideRight + card.offsetWidth <= widthPx;
    const xPx = fitsRight ? besideRight : besideLeft >= 0 ? besideLeft : box.left + GAP_PX;
    const yPx = fitsRight || besideLeft >= 0 ? box.top : box.bottom - card.offsetHeight - GAP_PX;
    card.style.left = `${String(clamp(xPx, widthPx - card.offsetWidth))}px`;
    card.style.top = `${String(clamp(yPx, heightPx - card.offsetHeight))}px`;
  }
}

function clamp(value: number, max: number): number {
  return Math.max(0, Math.min(max, value));
}

/** A tracker may stand between detector and viewers; then its number travels with the detection. */
function trackOf(detection: DetectionRecord & { readonly trackId?: unknown }): string | null {
  const { trackId } = detection;
  return typeof trackId === 'number' || typeof trackId === 'string' ? String(trackId) : null;
}
