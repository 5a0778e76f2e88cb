import { classColour } from '../../../src/core/class-colours.js';
import { el, setData, setText } from '../dom.js';
import { countByClass, type ClassCount } from '../model/detection-rows.js';
import type { TileSize } from '../model/grid-layout.js';
import { streamHash } from '../model/route.js';
import type { FrameView, StreamModel, StreamMoment } from '../model/stream-model.js';
import { formatAge, formatFps, formatPosition } from '../model/text.js';
import type { ShownFrame } from '../picture/frame-player.js';
import { PictureSurface } from '../picture/picture-surface.js';

/** One stream in the grid: its picture, and one line of what it is and how fresh. Opens the large view. */
export class Tile implements FrameView {
  readonly element: HTMLLIElement;
  readonly model: StreamModel;
  readonly #link: HTMLAnchorElement;
  readonly #surface: PictureSurface;
  readonly #key = el('span', { class: 'tile-key', attributes: { 'aria-hidden': 'true' } });
  readonly #sign = el('span', { class: 'sign', attributes: { 'aria-hidden': 'true' } });
  readonly #name = el('span', { class: 'tile-name' });
  readonly #word = el('span', { class: 'tile-word' });
  readonly #counts = el('span', { class: 'tile-counts' });
  readonly #fps = el('span', { class: 'tile-fps', attributes: { title: 'Frames shown here a second' } });
  readonly #age = el('span', { class: 'tile-age', attributes: { title: 'Age of this picture' } });
  #countsText = '';

  constructor(model: StreamModel) {
    this.model = model;
    this.#surface = new PictureSurface(`Picture of ${model.status.name}`);
    const caption = el('div', { class: 'caption' }, this.#key, this.#sign, this.#name, this.#word, this.#counts, this.#fps, this.#age);
    this.#link = el('a', { class: 'tile', attributes: { href: streamHash(model.status.id), 'data-stream': model.status.id } }, this.#surface.element, caption);
    this.element = el('li', { class: 'tile-cell' }, this.#link);
  }

  focus(): void {
    this.#link.focus();
  }

  /** Sets the tile's place: the size of its picture and the number that opens it. */
  place(size: TileSize, index: number): void {
    this.element.style.width = `${String(size.widthPx)}px`;
    this.#surface.setHeight(size.heightPx);
    setText(this.#key, index < 9 ? String(index + 1) : '');
  }

  present(frame: ShownFrame): void {
    this.#surface.paint(frame);
    this.#showCounts(frame);
  }

  update(moment: StreamMoment): void {
    const { status, face } = moment;
    this.#surface.update(moment);
    setData(this.#link, 'state', status.state);
    setData(this.#link, 'live', face.live ? '' : null);
    setText(this.#sign, face.sign);
    setText(this.#name, status.name);
    setText(this.#word, face.word);
    setText(this.#fps, face.live ? `${formatFps(moment.fps)} fps` : '');
    setText(this.#age, ageText(moment));
    this.#counts.hidden = face.stale;
  }

  #showCounts(frame: ShownFrame): void {
    const counts = countByClass([...(frame.header.classes ?? []), ...frame.header.detections]);
    const text = counts.map(countText).join('|');
    if (text === this.#countsText) return;
    this.#countsText = text;
    this.#counts.replaceChildren(
      ...counts.map((entry) => {
        const swatch = el('span', { class: 'swatch' });
        swatch.style.background = classColour(entry.classId);
        return el('span', { class: 'count' }, swatch, el('span', { text: countText(entry) }));
      }),
    );
  }
}

function countText({ label, count }: ClassCount): string {
  return count === 1 ? label : `${label} ×${String(count)}`;
}

/** Live pictures have an age; a recording has a position. */
function ageText({ status, ageMs }: StreamMoment): string {
  if (status.mode === 'live') return ageMs === null ? '' : formatAge(ageMs);
  if (status.positionMs === null) return '';
  return status.durationMs === null ? formatPosition(status.positionMs) : `${formatPosition(status.positionMs)} / ${formatPosition(status.durationMs)}`;
}
