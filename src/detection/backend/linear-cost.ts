/** What a measurement counts for when the next one comes: some 20 of them carry the estimate. */
const DECAY = 0.95;
/** Below this relative variance of the sizes no slope can be told from noise. */
const MIN_VARIANCE = 0.02;
/** Where all measured batches had the same size: share of the time that grows with the number of images. */
const ASSUMED_LINEAR_SHARE = 0.5;

/** Learns what a batch costs as `a + b · images`, ms, by least squares over the latest measurements. */
export class LinearCost {
  #weight = 0;
  #images = 0;
  #ms = 0;
  #imagesSquared = 0;
  #product = 0;
  #samples = 0;

  /** Measurements so far. */
  get samples(): number {
    return this.#samples;
  }

  /** Images of the batches measured, mean; 0 before the first. */
  get meanImages(): number {
    return this.#weight === 0 ? 0 : this.#images / this.#weight;
  }

  add(images: number, ms: number): void {
    this.#weight = this.#weight * DECAY + 1;
    this.#images = this.#images * DECAY + images;
    this.#ms = this.#ms * DECAY + ms;
    this.#imagesSquared = this.#imagesSquared * DECAY + images * images;
    this.#product = this.#product * DECAY + images * ms;
    this.#samples += 1;
  }

  /** Expected time for a batch of so many images, ms, >= 0; `null` before the first measurement. */
  of(images: number): number | null {
    if (this.#weight === 0) return null;
    const meanImages = this.#images / this.#weight;
    const meanMs = this.#ms / this.#weight;
    const variance = this.#imagesSquared / this.#weight - meanImages * meanImages;
    const slope =
      variance < MIN_VARIANCE * meanImages * meanImages
        ? (ASSUMED_LINEAR_SHARE * meanMs) / meanImages
        : Math.min(meanMs / meanImages, Math.max(0, (this.#product / this.#weight - meanImages * meanMs) / variance));
    return Math.max(0, meanMs + slope * (images - meanImages));
  }
}
