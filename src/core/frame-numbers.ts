/** Numbers the decoded frames of one stream, from 0 upward without a gap; what its sources, one after another, take their frames' `seq` from. */
export class FrameNumbers {
  #next = 0;

  /** The number that the next frame gets. */
  get next(): number {
    return this.#next;
  }

  /** The number of `next` is given away. */
  advance(): void {
    this.#next += 1;
  }
}
