import { ApiError } from '../api/api-client.js';
import { el, setText } from '../dom.js';
import { sentence } from '../model/text.js';
import { messageView } from './message-view.js';

/** Asks for a token. It goes to the server once and comes back as a cookie that scripts cannot read: the page keeps nothing. */
export class SignIn {
  readonly element: HTMLElement;
  readonly #token = el('input', { attributes: { type: 'password', name: 'token', id: 'token', autocomplete: 'current-password', required: '', spellcheck: 'false', 'aria-describedby': 'token-error' } });
  readonly #submit = el('button', { class: 'solid-button', text: 'Sign in', attributes: { type: 'submit' } });
  readonly #why = el('p');
  readonly #error = el('p', { class: 'field-error', attributes: { id: 'token-error', role: 'alert' } });
  readonly #onToken: (token: string) => Promise<void>;

  /** @param onToken rejects with an {@link ApiError} when the token is not taken */
  constructor(onToken: (token: string) => Promise<void>) {
    this.#onToken = onToken;
    const form = el(
      'form',
      { class: 'message', attributes: { 'data-message': 'sign-in' } },
      el('h1', { text: 'Sign in' }),
      this.#why,
      el('div', { class: 'field' }, el('label', { text: 'Token', attributes: { for: 'token' } }), this.#token, this.#error),
      el('div', { class: 'buttons' }, this.#submit),
      el('p', { class: 'muted' }, document.createTextNode('Whoever runs this service makes tokens with '), el('code', { text: 'sightline token' }), document.createTextNode('.')),
    );
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#send();
    });
    this.element = messageView(form);
    this.ask(null);
  }

  /** @param why what happened to the session before */
  ask(why: string | null): void {
    setText(this.#why, why ?? 'This service shows its streams to those who have a token.');
  }

  focus(): void {
    this.#token.focus();
  }

  async #send(): Promise<void> {
    const token = this.#token.value.trim();
    if (token === '') return;
    this.#submit.disabled = true;
    setText(this.#error, '');
    try {
      await this.#onToken(token);
      this.#token.value = '';
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setText(this.#error, error.status === 401 ? 'This token is not valid.' : sentence(error.message));
      this.#token.select();
    } finally {
      this.#submit.disabled = false;
    }
  }
}
