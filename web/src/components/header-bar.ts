import type { Session } from '../api/api-client.js';
import { button, el, icon, setData, setText } from '../dom.js';

export type HeaderFacts = {
  readonly streams: string;
  readonly detector: { readonly text: string; readonly ready: boolean };
  /** `null`: none is wanted. */
  readonly connection: 'connecting' | 'open' | 'lost' | null;
};

const CONNECTION_WORDS = { connecting: 'connecting', open: 'connected', lost: 'not connected' } as const;

/** The line on top of the page: how many streams are live, the detector, the connection, theme and help. */
export class HeaderBar {
  readonly element: HTMLElement;
  readonly #streams = el('span', { class: 'fact', attributes: { 'data-fact': 'streams' } });
  readonly #detector = el('span', { class: 'fact', attributes: { 'data-fact': 'detector' } });
  readonly #connection = el('span', { class: 'fact', attributes: { 'data-fact': 'connection' } });

  readonly #add: HTMLElement;
  readonly #signOut: HTMLElement;

  constructor(actions: { readonly onTheme: () => void; readonly onHelp: () => void; readonly onAdd: () => void; readonly onSignOut: () => void }) {
    const brand = el('a', { class: 'brand', text: 'Sightline', attributes: { href: '#/' } });
    const facts = el('div', { class: 'facts' }, this.#streams, this.#detector, this.#connection);
    this.#add = button({ class: 'text-button', attributes: { 'aria-label': 'Add a stream', title: 'Add a stream (a)' } }, actions.onAdd, icon('add'), el('span', { text: 'Add' }));
    this.#signOut = button({ class: 'text-button', text: 'Sign out' }, actions.onSignOut);
    this.showSession(null);
    const tools = el(
      'div',
      { class: 'tools' },
      this.#add,
      this.#signOut,
      button({ class: 'tool', attributes: { 'aria-label': 'Change between dark and light', title: 'Dark or light (t)' } }, actions.onTheme, icon('theme')),
      button({ class: 'tool', text: '?', attributes: { 'aria-label': 'Help and keys', title: 'Help (?)' } }, actions.onHelp),
    );
    this.element = el('header', { class: 'header' }, brand, facts, tools);
  }

  /** Offers what the session allows; `null` while there is none. */
  showSession(session: Session | null): void {
    this.#add.hidden = session?.role !== 'operator';
    this.#signOut.hidden = session?.required !== true;
    if (session !== null) this.#signOut.title = `Signed in as ${session.name}`;
  }

  update(facts: HeaderFacts): void {
    setText(this.#streams, facts.streams);
    setText(this.#detector, facts.detector.text);
    setData(this.#detector, 'trouble', facts.detector.ready ? null : '');
    setText(this.#connection, facts.connection === null ? '' : CONNECTION_WORDS[facts.connection]);
    setData(this.#connection, 'trouble', facts.connection === 'lost' ? '' : null);
    setData(this.element, 'connection', facts.connection);
  }
}
