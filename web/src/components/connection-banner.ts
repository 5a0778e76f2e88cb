import { button, el, setText } from '../dom.js';

/** Says that the connection is lost and when the next try comes. It is silent for screen readers: the announcer says it once. */
export class ConnectionBanner {
  readonly element: HTMLElement;
  readonly #text = el('span');

  constructor(onRetry: () => void) {
    this.element = el('div', { class: 'banner' }, this.#text, button({ class: 'text-button', text: 'Try now' }, onRetry));
    this.element.hidden = true;
  }

  /** @param retryInMs time until the next try; `null` while there is nothing to say */
  update(retryInMs: number | null): void {
    this.element.hidden = retryInMs === null;
    if (retryInMs === null) return;
    const seconds = Math.ceil(Math.max(0, retryInMs) / 1000);
    setText(this.#text, seconds === 0 ? 'Connection to the server lost. Trying again now.' : `Connection to the server lost. Next try in ${String(seconds)} s.`);
  }
}
