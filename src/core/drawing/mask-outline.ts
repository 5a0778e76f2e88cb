/** Values where lines cross; between them everything is linear, outside nothing is. */
export type Grid = {
  /** Row-major, `ysPx.length * xsPx.length` values. */
  readonly values: Float32Array;
  /** Ascending. */
  readonly xsPx: readonly number[];
  readonly ysPx: readonly number[];
};

/** Finds the outlines of what is above a level (marching squares): closed, around what is inside in one direction and around its holes in the other,
 * so that filling them by either rule fills what is above. What reaches the grid's border ends exactly on it.
 * @returns one list a closed line: x, y, x, y, … */
export function outlines(grid: Grid, level: number): number[][] {
  return new Tracer(grid, level).trace();
}

/** A ring of points outside lies around the grid, at no distance: so every line is closed. Crossings are named by the grid's edge that they lie on:
 * the point that the edge starts from, plus `#points` for an edge that goes down. */
class Tracer {
  readonly #grid: Grid;
  readonly #level: number;
  readonly #width: number;
  readonly #points: number;
  /** With the ring. */
  readonly #values: Float32Array;
  /** The crossing that follows on the line, by crossing; -1: none. */
  readonly #next: Int32Array;

  constructor(grid: Grid, level: number) {
    this.#grid = grid;
    this.#level = level;
    const { values, xsPx, ysPx } = grid;
    this.#width = xsPx.length + 2;
    this.#points = this.#width * (ysPx.length + 2);
    this.#values = new Float32Array(this.#points).fill(level - 1);
    for (let row = 0; row < ysPx.length; row += 1) this.#values.set(values.subarray(row * xsPx.length, (row + 1) * xsPx.length), (row + 1) * this.#width + 1);
    this.#next = new Int32Array(2 * this.#points).fill(-1);
  }

  trace(): number[][] {
    const starts = this.#link();
    const lines: number[][] = [];
    for (const start of starts) {
      const line: number[] = [];
      for (let at = start, following = this.#next[at] ?? -1; following >= 0; at = following, following = this.#next[at] ?? -1) {
        this.#next[at] = -1;
        this.#put(line, at);
      }
      if (line.length > 0) lines.push(line);
    }
    return lines;
  }

  /** Links the crossings of every cell. @returns all crossings */
  #link(): number[] {
    const width = this.#width;
    const starts: number[] = [];
    for (let corner = 0; corner < this.#points - width - 1; corner += 1) {
      const topLeft = this.#isInside(corner);
      const topRight = this.#isInside(corner + 1);
      const bottomLeft = this.#isInside(corner + width);
      const bottomRight = this.#isInside(corner + width + 1);
      // The last column's cells reach around to the next row: outside on all corners, as the ring is.
      if (topLeft === topRight && topLeft === bottomLeft && topLeft === bottomRight) continue;
      const edges = [corner, this.#points + corner + 1, corner + width, this.#points + corner] as const;
      this.#linkCell(edges, [topLeft, topRight, bottomRight, bottomLeft], corner, starts);
    }
    return starts;
  }

  /** Clockwise around a cell, a line begins where the inside ends and goes to where it begins again. The same edge is walked the other way in the cell beside it, so
   * that lines go on there.
   * @param edges top, right, bottom, left
   * @param inside corners, clockwise from the top left: edge k lies between the corners k and k + 1 */
  #linkCell(edges: readonly number[], inside: readonly boolean[], corner: number, starts: number[]): void {
    const isEntry = (k: number): boolean => !inside[k & 3] && inside[(k + 1) & 3] === true;
    const isSaddle = inside[0] === inside[2] && inside[1] === inside[3];
    // Of two corners that lie across from each other: one piece if the middle is inside too.
    const step = isSaddle && !this.#isMiddleInside(corner) ? 3 : 1;
    for (let k = 0; k < 4; k += 1) {
      if (inside[k] !== true || inside[(k + 1) & 3] === true) continue;
      let entry = k + step;
      while (!isEntry(entry)) entry += step;
      const edge = edges[k] ?? 0;
      this.#next[edge] = edges[entry & 3] ?? 0;
      starts.push(edge);
    }
  }

  #isInside(point: number): boolean {
    return (this.#values[point] ?? 0) > this.#level;
  }

  #isMiddleInside(corner: number): boolean {
    const value = (point: number): number => this.#values[point] ?? 0;
    return (value(corner) + value(corner + 1) + value(corner + this.#width) + value(corner + this.#width + 1)) / 4 > this.#level;
  }

  #put(line: number[], crossing: number): void {
    const goesDown = crossing >= this.#points;
    const from = goesDown ? crossing - this.#points : crossing;
    const to = from + (goesDown ? this.#width : 1);
    const [a, b] = [this.#values[from] ?? 0, this.#values[to] ?? 0];
    const part = (this.#level - a) / (b - a);
    const x = this.#xOf(from);
    const y = this.#yOf(from);
    line.push(x + (this.#xOf(to) - x) * part, y + (this.#yOf(to) - y) * part);
  }

  #xOf(point: number): number {
    const { xsPx } = this.#grid;
    return xsPx[Math.min(xsPx.length - 1, Math.max(0, (point % this.#width) - 1))] ?? 0;
  }

  #yOf(point: number): number {
    const { ysPx } = this.#grid;
    return ysPx[Math.min(ysPx.length - 1, Math.max(0, Math.floor(point / this.#width) - 1))] ?? 0;
  }
}
