import { button, el } from '../dom.js';

const KEYS: readonly (readonly [keys: readonly string[], what: string])[] = [
  [['1', '–', '9'], 'open that stream'],
  [['Enter'], 'open the stream in focus'],
  [['Esc'], 'back to all streams'],
  [['[', ']'], 'previous and next stream'],
  [['Space'], 'play or pause a recording'],
  [['←', '→'], '5 seconds back and forward'],
  [[',', '.'], 'one frame back and forward'],
  [['s'], 'save the picture on the screen'],
  [['f'], 'full screen'],
  [['a'], 'add a stream'],
  [['t'], 'dark or light'],
  [['?'], 'this help'],
];

const SIGNS: readonly (readonly [sign: string, what: string])[] = [
  ['●', 'frames are arriving'],
  ['○', 'no new frames: the picture is old and grey'],
  ['…', 'starting, or waiting for the next frame'],
  ['❚❚', 'paused'],
  ['■', 'ended or stopped'],
  ['!', 'needs you: the picture says why'],
];

/** Keys and signs, in a dialog. */
export class HelpDialog {
  readonly element: HTMLDialogElement;

  constructor() {
    const keys = KEYS.map(([names, what]) =>
      el('div', {}, el('dt', {}, ...names.map((name) => (name === '–' ? el('span', { text: name }) : el('kbd', { text: name })))), el('dd', { text: what })),
    );
    const signs = SIGNS.map(([sign, what]) => el('div', {}, el('dt', {}, el('span', { class: 'sign', text: sign })), el('dd', { text: what })));
    this.element = el(
      'dialog',
      { class: 'help', attributes: { 'aria-labelledby': 'help-title' } },
      el('h2', { text: 'Help', attributes: { id: 'help-title' } }),
      el('p', { text: 'Boxes are drawn on the very frame they were found on. The age beside a name is how old that picture is.' }),
      el('h3', { text: 'Keys' }),
      el('dl', { class: 'keys' }, ...keys),
      el('h3', { text: 'Signs' }),
      el('dl', { class: 'keys' }, ...signs),
      button({ class: 'text-button', text: 'Close' }, () => { this.element.close(); }),
    );
    // A click beside the dialog lands on its backdrop, which is the dialog element itself.
    this.element.addEventListener('click', (event) => {
      if (event.target === this.element) this.element.close();
    });
  }

  toggle(): void {
    if (this.element.open) this.element.close();
    else this.element.showModal();
  }
}
