import { drawFindings } from '../../../src/core/drawing/draw-findings.js';
import type { Size } from '../../../src/core/geometry.js';
import { el } from '../dom.js';
import { drawable, type FrameFindings } from '../model/frame-findings.js';

/** A canvas over a picture that carries the boxes, masks and keypoints, drawn as the server draws them but in the screen's own pixels, so that they are sharp
 * whatever the picture's size. */
export class BoxOverlay {
  readonly element = el('canvas', { class: 'overlay', attributes: { 'aria-hidden': 'true' } });
  readonly #resize: ResizeObserver;
  #size: Size = { widthPx: 0, heightPx: 0 };
  #drawn: { readonly findings: FrameFindings; readonly picture: Size } | null = null;

  constructor() {
    this.#resize = new ResizeObserver((entries) => { for (const entry of entries) this.#setSize(sizeOf(entry)); });
    try {
      this.#resize.observe(this.element, { box: 'device-pixel-content-box' });
    } catch (error) {
      // Safari does not know that box: CSS pixels and the ratio are right to within one pixel.
      if (!(error instanceof TypeError)) throw error;
      this.#resize.observe(this.element);
    }
  }

  /** Draws what was found in place of what is there.
   * @param findings in pixels of a picture of size `picture`
   */
  draw(findings: FrameFindings, picture: Size): void {
    this.#drawn = { findings, picture };
    this.#redraw();
  }

  clear(): void {
    this.#drawn = null;
    this.#redraw();
  }

  /** Idempotent. */
  close(): void {
    this.#resize.disconnect();
    this.element.remove();
  }

  #setSize(size: Size): void {
    if (size.widthPx === this.#size.widthPx && size.heightPx === this.#size.heightPx) return;
    this.#size = size;
    this.element.width = size.widthPx;
    this.element.height = size.heightPx;
    this.#redraw();
  }

  #redraw(): void {
    const context = this.element.getContext('2d');
    const { widthPx, heightPx } = this.#size;
    if (context === null || widthPx === 0 || heightPx === 0) return;
    context.clearRect(0, 0, widthPx, heightPx);
    if (this.#drawn === null) return;
    const { findings, picture } = this.#drawn;
    drawFindings(context, drawable(findings, picture, this.#size), this.#size, devicePixelRatio);
  }
}

function sizeOf(entry: ResizeObserverEntry): Size {
  const widthPx = Math.round(entry.contentRect.width * devicePixelRatio);
  const heightPx = Math.round(entry.contentRect.height * devicePixelRatio);
  // Typed as always there, but Safari leaves it out; and a browser that plays another device than it runs on tells its own.
  const [device] = (entry.devicePixelContentBoxSize as readonly ResizeObserverSize[] | undefined) ?? [];
  if (device === undefined || Math.abs(device.inlineSize - widthPx) > 1 || Math.abs(device.blockSize - heightPx) > 1) return { widthPx, heightPx };
  return { widthPx: device.inlineSize, heightPx: device.blockSize };
}
