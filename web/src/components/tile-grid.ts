import { el } from '../dom.js';
import { layoutGrid, type TileSize } from '../model/grid-layout.js';
import type { StreamModel, StreamMoment } from '../model/stream-model.js';
import { Tile } from './tile.js';

const GAP_PX = 1;
/** Height of a tile's caption; the same as `--caption` in tokens.css. */
const CAPTION_PX = 32;
/** Narrower than this a caption is cut short; 36 tiles still fit a 1920 × 1080 screen. */
const MIN_TILE_PX = 240;

/** All streams side by side, as large as they can be. */
export class TileGrid {
  readonly element = el('main', { class: 'grid-view', attributes: { 'aria-label': 'Streams' } });
  readonly #list = el('ul', { class: 'grid' });
  readonly #tiles = new Map<string, Tile>();
  readonly #sizes = new Map<string, TileSize>();
  readonly #inSight = new Set<Element>();
  readonly #onChange: () => void;
  readonly #sight: IntersectionObserver;
  readonly #resize: ResizeObserver;

  /** @param onChange called when other tiles are in sight or their widths are others than before */
  constructor(onChange: () => void) {
    this.#onChange = onChange;
    this.element.append(this.#list);
    // A little beyond the edge, so that a tile has its picture when it scrolls into sight.
    this.#sight = new IntersectionObserver((entries) => { this.#noteSight(entries); }, { rootMargin: '64px' });
    this.#resize = new ResizeObserver(() => { this.layout(); });
    this.#resize.observe(this.element);
  }

  add(model: StreamModel): void {
    const tile = new Tile(model);
    this.#tiles.set(model.status.id, tile);
    this.#list.append(tile.element);
    this.#sight.observe(tile.element);
    model.attach(tile);
    this.layout();
  }

  remove(stream: string): void {
    const tile = this.#tiles.get(stream);
    if (tile === undefined) return;
    this.#tiles.delete(stream);
    this.#sizes.delete(stream);
    this.#inSight.delete(tile.element);
    this.#sight.unobserve(tile.element);
    tile.model.detach(tile);
    tile.element.remove();
    this.layout();
  }

  focus(stream: string): void {
    this.#tiles.get(stream)?.focus();
  }

  update(stream: string, moment: StreamMoment): void {
    this.#tiles.get(stream)?.update(moment);
  }

  /** Width of a tile in CSS pixels; `null` while it is out of sight. */
  visibleWidthPx(stream: string): number | null {
    const tile = this.#tiles.get(stream);
    if (tile === undefined || !this.#inSight.has(tile.element)) return null;
    return this.#sizes.get(stream)?.widthPx ?? null;
  }

  /** Places the tiles anew: after a change of the window, of the streams or of a picture's shape. */
  layout(): void {
    const tiles = [...this.#tiles.entries()];
    const layout = layoutGrid(
      tiles.map(([, tile]) => tile.model.aspect),
      { widthPx: this.element.clientWidth, heightPx: this.element.clientHeight, gapPx: GAP_PX, captionPx: CAPTION_PX, minTilePx: MIN_TILE_PX },
    );
    if (layout.widthPx === 0) return;
    this.#list.style.width = `${String(layout.widthPx)}px`;
    for (const [index, size] of layout.tiles.entries()) {
      const [stream, tile] = tiles[index] ?? [];
      if (stream === undefined || tile === undefined) continue;
      this.#sizes.set(stream, size);
      tile.place(size, index);
    }
    this.#onChange();
  }

  #noteSight(entries: readonly IntersectionObserverEntry[]): void {
    for (const entry of entries) {
      if (entry.isIntersecting) this.#inSight.add(entry.target);
      else this.#inSight.delete(entry.target);
    }
    this.#onChange();
  }
}
