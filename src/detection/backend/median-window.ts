/** Median of the last values. */
export class MedianWindow {
  readonly #size: number;
  readonly #values: number[] = [];

  /** @param size values that are remembered, >= 1 */
  constructor(size: number) {
    this.#size = size;
  }

  add(value: number): void {
    this.#values.push(value);
    if (this.#values.length > this.#size) this.#values.shift();
  }

  /** `null` while there is no value; the upper one of two middle values. */
  median(): number | null {
    const sorted = [...this.#values].sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)] ?? null;
  }
}
