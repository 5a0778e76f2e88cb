import { button, el, setText } from '../dom.js';

/** Says over the picture that a filter hides something, in full screen too, and takes the filter away. */
export class FilterSign {
  readonly element: HTMLButtonElement;
  readonly #text = el('span');

  constructor(onReset: () => void) {
    this.element = button({ class: 'filter-sign', attributes: { title: 'Show everything' } }, onReset, this.#text, el('span', { class: 'filter-sign-act', text: 'show all' }));
    this.element.hidden = true;
  }

  /** @param hiddenCount how many things on this frame are not shown; `null`: nothing is filtered
   * @param applied whether the picture on the screen obeys the filter already
   */
  update(hiddenCount: number | null, applied: boolean): void {
    this.element.hidden = hiddenCount === null;
    if (hiddenCount === null) return;
    if (!applied) setText(this.#text, 'filter waits for the next picture');
    else setText(this.#text, hiddenCount === 0 ? 'filter on, nothing hidden' : `${String(hiddenCount)} hidden`);
  }
}
