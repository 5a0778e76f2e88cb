/** Median of the last values, so that one slow image does not count. */
export class RollingMedian {
  readonly #values: number[] = [];
  readonly #capacity: number;

  /** @param capacity how many values are kept, >= 1 */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  push(value: number): void {
    this.#values.push(value);
    if (this.#values.length > this.#capacity) this.#values.shift();
  }

  /** `null` before the first value. */
  get(): number | null {
    const sorted = [...this.#values].sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)] ?? null;
  }
}
