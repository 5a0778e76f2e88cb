import { classColour } from '../../../src/core/class-colours.js';
import type { DetectionRecord } from '../../../src/core/detection-record.js';
import { boxArea } from '../../../src/core/geometry.js';
import { el, setData, setText } from '../dom.js';
import { DetectionRows } from '../model/detection-rows.js';
import type { FrameFindings } from '../model/frame-findings.js';
import type { StreamMoment } from '../model/stream-model.js';
import { formatAge } from '../model/text.js';
import type { ShownFrame } from '../picture/frame-player.js';
import { ClassScores } from './class-scores.js';

const THUMB_CSS_PX = 48;

type Point = { readonly x: number; readonly y: number };
type Row = { readonly element: HTMLLIElement; readonly press: HTMLButtonElement; readonly show: (detection: DetectionRecord, frame: ShownFrame) => void };

/** What is detected on the very frame on the screen: one row an object, in a place that it keeps. Pointing at a row, focusing it or
 * pressing it (which holds it) marks its box in the picture. */
export class NowList {
  readonly element: HTMLElement;
  readonly #list = el('ul', { class: 'now-list' });
  readonly #title = el('span', { text: 'Now' });
  readonly #none = el('p', { class: 'muted now-none' });
  readonly #total = el('span', { class: 'section-figure' });
  readonly #classes = new ClassScores();
  readonly #onHighlight: (detection: DetectionRecord | null) => void;
  readonly #rows = new Map<number, Row>();
  readonly #order = new DetectionRows();
  #detections = new Map<number, DetectionRecord>();
  /** What the pointer or the focus is at, and what a press holds. */
  #pointed: number | null = null;
  #held: number | null = null;
  /** Set from the picture while the pointer is over a box there. */
  #fromPicture: number | null = null;

  /** @param onHighlight told which detection of the frame on the screen to mark */
  constructor(onHighlight: (detection: DetectionRecord | null) => void) {
    this.#onHighlight = onHighlight;
    const heading = el('h2', { class: 'section-title' }, this.#title, this.#total);
    this.element = el('section', { class: 'section now', attributes: { 'aria-label': 'Detected on this frame' } }, heading, this.#classes.element, this.#list, this.#none);
  }

  /** @param findings what is shown of what was found on the frame
   * @param hiddenCount how much is not
   */
  present(frame: ShownFrame, { detections, classes = [] }: FrameFindings, hiddenCount: number): void {
    const rows = this.#order.update(detections);
    this.#detections = new Map(rows.map(({ key, detection }) => [key, detection]));
    for (const [key, row] of this.#rows) {
      if (this.#detections.has(key)) continue;
      row.element.remove();
      this.#rows.delete(key);
    }
    for (const { key, detection } of rows) {
      let row = this.#rows.get(key);
      if (row === undefined) {
        row = this.#makeRow(key, detection);
        this.#rows.set(key, row);
        this.#list.append(row.element);
      }
      row.show(detection, frame);
    }
    setText(this.#total, rows.length === 0 ? '' : String(rows.length));
    this.#classes.show(classes);
    setText(this.#none, noneText(frame, hiddenCount));
    this.#none.hidden = rows.length > 0 || classes.length > 0;
    this.#highlight();
  }

  /** Says when what is listed was there: now, or when the picture that stands still was taken. */
  update({ status, face, ageMs, frame }: StreamMoment): void {
    setData(this.element, 'stale', face.stale ? '' : null);
    const still = status.state === 'ended' || status.state === 'paused' ? 'On this frame' : 'Now';
    setText(this.#title, face.stale && frame !== null ? `${formatAge(ageMs)} ago` : still);
  }

  /** Marks the row of the smallest box around a point of the picture, in pixels of the frame; `null`: the pointer left. */
  pointAt(point: Point | null): void {
    this.#fromPicture = this.#keyAt(point);
    this.#highlight();
  }

  /** Holds the smallest box around a point, as a press of its row does; the same once more, or a point beside all boxes, lets go. */
  holdAt(point: Point): void {
    const key = this.#keyAt(point);
    this.#held = key === this.#held ? null : key;
    this.#highlight();
  }

  #keyAt(point: Point | null): number | null {
    if (point === null) return null;
    let smallest: { readonly key: number; readonly areaPx: number } | null = null;
    for (const [key, { box }] of this.#detections) {
      const areaPx = boxArea(box);
      const inside = point.x >= box[0] && point.x <= box[2] && point.y >= box[1] && point.y <= box[3];
      if (inside && (smallest === null || areaPx < smallest.areaPx)) smallest = { key, areaPx };
    }
    return smallest?.key ?? null;
  }

  #highlight(): void {
    const key = [this.#fromPicture, this.#pointed, this.#held].find((candidate) => candidate !== null && this.#detections.has(candidate)) ?? null;
    for (const [rowKey, row] of this.#rows) {
      setData(row.element, 'marked', rowKey === key ? '' : null);
      row.press.setAttribute('aria-pressed', String(this.#held === rowKey));
    }
    this.#onHighlight(key === null ? null : (this.#detections.get(key) ?? null));
  }

  #makeRow(key: number, { classId, label }: DetectionRecord): Row {
    const swatch = el('span', { class: 'swatch' });
    swatch.style.background = classColour(classId);
    const score = el('span', { class: 'now-score' });
    const fill = el('span', { class: 'bar-fill' });
    fill.style.background = classColour(classId);
    const thumb = el('canvas', { class: 'now-thumb', attributes: { 'aria-hidden': 'true' } });
    const press = el(
      'button',
      { class: 'now-row', attributes: { type: 'button', 'aria-pressed': 'false', 'aria-describedby': 'box-card' } },
      thumb,
      el('span', { class: 'now-label' }, swatch, el('span', { class: 'now-name', text: label })),
      score,
      el('span', { class: 'bar', attributes: { 'aria-hidden': 'true' } }, fill),
    );
    this.#listenToRow(press, key);
    const show = (detection: DetectionRecord, frame: ShownFrame): void => {
      setText(score, detection.score.toFixed(2));
      fill.style.width = `${(Math.min(1, Math.max(0, detection.score)) * 100).toFixed(1)}%`;
      drawCrop(thumb, frame, detection);
    };
    return { element: el('li', {}, press), press, show };
  }

  #listenToRow(press: HTMLButtonElement, key: number): void {
    const point = (): void => {
      this.#pointed = key;
      this.#highlight();
    };
    const leave = (): void => {
      if (this.#pointed === key) this.#pointed = null;
      this.#highlight();
    };
    press.addEventListener('pointerenter', point);
    press.addEventListener('focus', point);
    press.addEventListener('pointerleave', leave);
    press.addEventListener('blur', leave);
    press.addEventListener('click', () => {
      this.#held = this.#held === key ? null : key;
      this.#highlight();
    });
  }
}

function noneText({ header }: ShownFrame, hiddenCount: number): string {
  if (header.model === null) return 'No detector looked at this frame.';
  return hiddenCount === 0 ? 'Nothing detected on this frame.' : `The filter hides all ${String(hiddenCount)} of this frame.`;
}

/** Draws what is inside a detection's box, whole and centred on a square. */
function drawCrop(thumb: HTMLCanvasElement, { bitmap, header }: ShownFrame, { box }: DetectionRecord): void {
  const sidePx = Math.round(THUMB_CSS_PX * devicePixelRatio);
  if (thumb.width !== sidePx) thumb.width = thumb.height = sidePx;
  const context = thumb.getContext('2d');
  const widthPx = box[2] - box[0];
  const heightPx = box[3] - box[1];
  if (context === null || !(widthPx > 0 && heightPx > 0)) return;
  context.clearRect(0, 0, sidePx, sidePx);
  // Boxes are in pixels of the JPEG, which the bitmap has too; a browser that decoded it to another size must not shift the crop.
  const toBitmap = bitmap.width / header.widthPx;
  const scale = sidePx / Math.max(widthPx, heightPx);
  context.drawImage(
    bitmap,
    box[0] * toBitmap,
    box[1] * toBitmap,
    widthPx * toBitmap,
    heightPx * toBitmap,
    (sidePx - widthPx * scale) / 2,
    (sidePx - heightPx * scale) / 2,
    widthPx * scale,
    heightPx * scale,
  );
}
