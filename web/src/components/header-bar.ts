import { button, el, icon, setData, setText } from '../dom.js';

export type HeaderFacts = {
  readonly streams: string;
  readonly detector: { readonly text: string; readonly ready: boolean };
  readonly connection: 'connecting' | 'open' | 'lost';
};

const CONNECTION_WORDS = { connecting: 'connecting', open: 'connected', lost: 'not connected' } as const;

/** The line on top of the page: how many streams are live, the detector, the connection, theme and help. */
export class HeaderBar {
  readonly element: HTMLElement;
  readonly #streams = el('span', { class: 'fact', attributes: { 'data-fact': 'streams' } });
  readonly #detector = el('span', { class: 'fact', attributes: { 'data-fact': 'detector' } });
  readonly #connection = el('span', { class: 'fact', attributes: { 'data-fact': 'connection' } });

  constructor(actions: { readonly onTheme: () => void; readonly onHelp: () => void }) {
    const brand = el('a', { class: 'brand', text: 'Sightline', attributes: { href: '#/' } });
    const facts = el('div', { class: 'facts' }, this.#streams, this.#detector, this.#connection);
    const tools = el(
      'div',
      { class: 'tools' },
      button({ class: 'tool', attributes: { 'aria-label': 'Change between dark and light', title: 'Dark or light (t)' } }, actions.onTheme, icon('theme')),
      button({ class: 'tool', text: '?', attributes: { 'aria-label': 'Help and keys', title: 'Help (?)' } }, actions.onHelp),
    );
    this.element = el('header', { class: 'header' }, brand, facts, tools);
  }

  update(facts: HeaderFacts): void {
    setText(this.#streams, facts.streams);
    setText(this.#detector, facts.detector.text);
    setData(this.#detector, 'trouble', facts.detector.ready ? null : '');
    setText(this.#connection, CONNECTION_WORDS[facts.connection]);
    setData(this.#connection, 'trouble', facts.connection === 'lost' ? '' : null);
    setData(this.element, 'connection', facts.connection);
  }
}
