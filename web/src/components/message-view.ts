import { el } from '../dom.js';

/** A page that says something instead of showing streams. */
export function messageView(content: HTMLElement): HTMLElement {
  return el('main', { class: 'message-view' }, content);
}

export function connecting(): HTMLElement {
  return messageView(el('p', { class: 'muted', text: 'Connecting to the server…' }));
}

export function noSuchStream(stream: string): HTMLElement {
  const about = el('p', { text: `There is no stream “${stream}” here, or not any more.` });
  return messageView(el('section', { class: 'message' }, el('h1', { text: 'No such stream' }), about, el('p', {}, el('a', { text: 'All streams', attributes: { href: '#/' } }))));
}
