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

export type GridLayout = {
  /** Widths of the tiles in order, whole pixels; all pictures of a grid are equally high unless one is wider than the page. */
  readonly tileWidthsPx: readonly number[];
  /** Width of the widest row: the grid is centred by it. */
  readonly widthPx: number;
};

/** Lays out pictures of the given aspects (width / height) in rows, in order and as large as possible: all in sight without
 * scrolling where that leaves them readable, else in columns of readable width. */
export function layoutGrid(aspects: readonly number[], space: GridSpace): GridLayout {
  if (aspects.length === 0 || space.widthPx <= 0) return { tileWidthsPx: [], widthPx: 0 };
  const pictureHeightPx = pictureHeightPxFor(aspects, space);
  const tileWidthsPx = aspects.map((aspect) => Math.max(1, Math.floor(Math.min(space.widthPx, pictureHeightPx * aspect))));
  return { tileWidthsPx, widthPx: Math.max(...rowsOf(tileWidthsPx, space).map((row) => row.widthPx)) };
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
