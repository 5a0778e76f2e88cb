/** What the grid has to fit, CSS pixels. */
export type GridSpace = {
  readonly widthPx: number;
  readonly heightPx: number;
  /** Between tiles. */
  readonly gapPx: number;
  /** Height that a tile adds to its picture. */
  readonly captionPx: number;
  /** Narrower tiles than this are not readable: then the page scrolls instead. */
  readonly minTilePx: number;
};

/** Size of a tile's picture, whole pixels. */
export type TileSize = { readonly widthPx: number; readonly heightPx: number };

export type GridLayout = {
  /** In the order of the tiles; all pictures of a grid are equally high, except one that would be wider than the page. */
  readonly tiles: readonly TileSize[];
  /** Width of the widest row: the grid is centred by it. */
  readonly widthPx: number;
};

/** Lays out pictures of the given aspects (width / height) in rows, in order and as large as possible: all in sight without
 * scrolling where that leaves them readable, else in columns of readable width. */
export function layoutGrid(aspects: readonly number[], space: GridSpace): GridLayout {
  if (aspects.length === 0 || space.widthPx <= 0) return { tiles: [], widthPx: 0 };
  const pictureHeightPx = pictureHeightPxFor(aspects, space);
  const tiles = aspects.map((aspect) => tileSize(aspect, pictureHeightPx, space));
  const rows = rowsOf(tiles.map((tile) => tile.widthPx), space);
  return { tiles, widthPx: Math.max(...rows.map((row) => row.widthPx)) };
}

/** Whole pixels, cut off so that what fits still does; neighbours get the same height, the shape is off by less than a pixel. */
function tileSize(aspect: number, pictureHeightPx: number, space: GridSpace): TileSize {
  const heightPx = Math.min(pictureHeightPx, space.widthPx / aspect);
  return { widthPx: Math.max(1, Math.floor(heightPx * aspect)), heightPx: Math.max(1, Math.floor(heightPx)) };
}

function pictureHeightPxFor(aspects: readonly number[], space: GridSpace): number {
  const columns = Math.floor((space.widthPx + space.gapPx) / (space.minTilePx + space.gapPx));
  // A phone: one column over the whole width.
  if (columns <= 1) return Number.MAX_SAFE_INTEGER;
  const fitting = largestFittingHeightPx(aspects, space);
  const widest = Math.max(...aspects);
  if (fitting * widest >= space.minTilePx) return fitting;
  return (space.widthPx - (columns - 1) * space.gapPx) / columns / widest;
}

/** Largest picture height with which all rows stay within the space. */
function largestFittingHeightPx(aspects: readonly number[], space: GridSpace): number {
  let low = 0;
  let high = space.heightPx;
  // 20 halvings of any screen's height are finer than a pixel.
  for (let step = 0; step < 20; step += 1) {
    const middle = (low + high) / 2;
    if (totalHeightPx(aspects, middle, space) <= space.heightPx) low = middle;
    else high = middle;
  }
  return low;
}

function totalHeightPx(aspects: readonly number[], pictureHeightPx: number, space: GridSpace): number {
  const widths = aspects.map((aspect) => Math.min(space.widthPx, pictureHeightPx * aspect));
  const rows = rowsOf(widths, space);
  const pictures = rows.reduce((sum, row) => sum + Math.max(...row.indexes.map((index) => (widths[index] ?? 0) / (aspects[index] ?? 1))), 0);
  return pictures + rows.length * space.captionPx + (rows.length - 1) * space.gapPx;
}

function rowsOf(widthsPx: readonly number[], space: GridSpace): { widthPx: number; indexes: number[] }[] {
  const rows: { widthPx: number; indexes: number[] }[] = [];
  for (const [index, widthPx] of widthsPx.entries()) {
    const row = rows.at(-1);
    // Half a pixel of tolerance: a row that fits exactly must not break by rounding.
    if (row !== undefined && row.widthPx + space.gapPx + widthPx <= space.widthPx + 0.5) {
      row.widthPx += space.gapPx + widthPx;
      row.indexes.push(index);
    } else rows.push({ widthPx, indexes: [index] });
  }
  return rows;
}
