import { button, el, setText } from '../dom.js';

/** One sentence that the server said about something this page asked for. It stays until it is read, or another takes its place;
 * screen readers are told at once. */
export class Notice {
  readonly element: HTMLElement;
  readonly #text = el('span');

  constructor() {
    this.element = el('div', { class: 'banner', attributes: { role: 'alert', 'data-notice': '' } }, this.#text, button({ class: 'text-button', text: 'Dismiss' }, () => { this.clear(); }));
    this.clear();
  }

  show(sentence: string): void {
    this.element.hidden = false;
    setText(this.#text, sentence);
  }

  clear(): void {
    this.element.hidden = true;
    setText(this.#text, '');
  }
}
