import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { layoutGrid, type GridSpace } from '../../web/src/model/grid-layout.js';

const WIDE = 16 / 9;
const space = (widthPx: number, heightPx: number): GridSpace => ({ widthPx, heightPx, gapPx: 1, captionPx: 32, minTilePx: 240 });
const alike = (count: number): number[] => Array.from({ length: count }, () => WIDE);

describe('layoutGrid', () => {
  it('lays out nothing, or in no space', () => {
    expect(layoutGrid([], space(1000, 800))).toEqual({ tiles: [], widthPx: 0 });
    expect(layoutGrid(alike(2), space(0, 0))).toEqual({ tiles: [], widthPx: 0 });
  });

  it.each([
    ['one stream as large as the page allows', 1, space(1280, 672), 1137],
    ['four in two columns', 4, space(1024, 720), 511],
    ['nine in three columns', 9, space(1920, 1032), 553],
    ['thirty-six without scrolling at 1920 × 1080', 36, space(1920, 1032), 247],
    ['four on a phone in one column', 4, space(360, 640), 360],
    ['a hundred in columns of readable width', 100, space(1024, 720), 255],
  ])('shows %s', (_title, count, room, widthPx) => {
    const { tiles } = layoutGrid(alike(count), room);
    expect(tiles).toHaveLength(count);
    expect(new Set(tiles.map((tile) => tile.widthPx))).toEqual(new Set([widthPx]));
  });

  it('gives pictures of other shapes the same height', () => {
    const { tiles } = layoutGrid([WIDE, 9 / 16, 4 / 3], space(1920, 1032));
    expect(new Set(tiles.map((tile) => tile.heightPx)).size).toBe(1);
  });

  it('never leaves the width, never loses a shape, and never scrolls while tiles are readable', () => {
    const aspects = fc.array(fc.constantFrom(WIDE, 4 / 3, 9 / 16, 1, 2.4), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(aspects, fc.integer({ min: 320, max: 4000 }), fc.integer({ min: 300, max: 2500 }), (shapes, widthPx, heightPx) => {
        const room = space(widthPx, heightPx);
        const layout = layoutGrid(shapes, room);
        expect(layout.widthPx).toBeLessThanOrEqual(widthPx);
        for (const [index, tile] of layout.tiles.entries()) {
          expect(tile.widthPx).toBeLessThanOrEqual(layout.widthPx);
          expect(Math.abs(tile.widthPx - tile.heightPx * (shapes[index] ?? 0))).toBeLessThan(4);
        }
        const widest = Math.max(...layout.tiles.map((tile) => tile.widthPx));
        if (widest > 2 * room.minTilePx) expect(heightOf(layout.tiles, room) <= heightPx || widthPx < 2 * room.minTilePx + 1).toBe(true);
      }),
    );
  });
});

function heightOf(tiles: readonly { widthPx: number; heightPx: number }[], { widthPx, gapPx, captionPx }: GridSpace): number {
  let rowPx = Number.POSITIVE_INFINITY;
  let total = -gapPx;
  for (const tile of tiles) {
    if (rowPx + gapPx + tile.widthPx <= widthPx) rowPx += gapPx + tile.widthPx;
    else {
      rowPx = tile.widthPx;
      total += tile.heightPx + captionPx + gapPx;
    }
  }
  return total;
}
