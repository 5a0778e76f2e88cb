import { el } from '../dom.js';

const GATHER_MS = 400;
const MOST_AT_ONCE = 3;

/** Tells screen readers what changed, politely, and many changes of one moment together. */
export class Announcer {
  readonly element = el('div', { class: 'visually-hidden', attributes: { role: 'status', 'aria-live': 'polite' } });
  #gathered: string[] = [];

  say(text: string): void {
    this.#gathered.push(text);
    if (this.#gathered.length === 1) window.setTimeout(() => { this.#speak(); }, GATHER_MS);
  }

  #speak(): void {
    const surplus = this.#gathered.length - MOST_AT_ONCE;
    const said = this.#gathered.slice(0, MOST_AT_ONCE);
    this.#gathered = [];
    this.element.textContent = `${said.join('. ')}${surplus > 0 ? `. And ${String(surplus)} more changes` : ''}`;
  }
}
