import { el, setData, setText } from '../dom.js';
import type { FrameFindings } from '../model/frame-findings.js';
import type { StreamMoment } from '../model/stream-model.js';
import { BoxOverlay } from './box-overlay.js';
import type { ShownFrame } from './frame-player.js';

/** The picture of one stream with what must be said over it: why it is old or missing, and that no detector looked at it. */
export class PictureSurface {
  readonly element: HTMLElement;
  readonly canvas: HTMLCanvasElement;
  readonly #context: CanvasRenderingContext2D;
  readonly #veil = el('div', { class: 'veil' });
  readonly #badge = el('div', { class: 'badge', text: 'no detector' });
  readonly #lines: HTMLElement[] = [];
  /** Made when it is first needed: pictures of tiles come with their boxes. */
  #overlay: BoxOverlay | null = null;

  constructor(label: string) {
    this.canvas = el('canvas', { class: 'frame', attributes: { role: 'img', 'aria-label': label } });
    this.canvas.width = 16;
    this.canvas.height = 9;
    const context = this.canvas.getContext('2d', { alpha: false });
    if (context === null) throw new TypeError('This browser does not draw on a canvas');
    this.#context = context;
    this.#badge.hidden = true;
    this.element = el('div', { class: 'picture' }, this.canvas, this.#veil, this.#badge);
    setData(this.element, 'empty', '');
  }

  /** Paints a frame, and its boxes where they are not in the picture already.
   * @param findings what is drawn of what was found on the frame; default: all of it
   */
  paint(frame: ShownFrame, findings: FrameFindings = frame.header): void {
    const { bitmap } = frame;
    if (this.canvas.width !== bitmap.width) this.canvas.width = bitmap.width;
    if (this.canvas.height !== bitmap.height) this.canvas.height = bitmap.height;
    this.#context.drawImage(bitmap, 0, 0);
    this.canvas.dataset['seq'] = String(frame.header.seq);
    setData(this.element, 'empty', null);
    if (frame.header.render === 'client') this.#drawnOver().draw(findings, frame.header);
    else this.#overlay?.clear();
  }

  /** Idempotent. */
  close(): void {
    this.#overlay?.close();
    this.#overlay = null;
  }

  /** Says what has to be said at this moment. */
  update({ face, status }: StreamMoment): void {
    setData(this.element, 'stale', face.stale ? '' : null);
    setData(this.element, 'starting', status.state === 'starting' ? '' : null);
    for (const [index, line] of face.lines.entries()) {
      this.#lines[index] ??= this.#veil.appendChild(el('p'));
      setText(this.#lines[index], line);
    }
    for (const surplus of this.#lines.splice(face.lines.length)) surplus.remove();
    this.#badge.hidden = face.noDetector === null;
    if (face.noDetector !== null) this.#badge.title = face.noDetector;
  }

  /** Gives the surface a height of its own, CSS pixels. */
  setHeight(heightPx: number): void {
    this.element.style.height = `${String(heightPx)}px`;
  }

  /** Gives the surface the shape of its source. */
  setAspect(aspect: number): void {
    this.element.style.setProperty('--aspect', String(aspect));
  }

  #drawnOver(): BoxOverlay {
    if (this.#overlay === null) {
      this.#overlay = new BoxOverlay();
      this.canvas.after(this.#overlay.element);
    }
    return this.#overlay;
  }
}
