import { ApiError, type ApiClient, type Session } from './api/api-client.js';

export type SessionState =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'open'; readonly session: Session }
  /** A token is needed. `why` says more than that, when there was a session before. */
  | { readonly kind: 'needed'; readonly why: string | null };

/** Knows whether the page may talk to the server, and as whom. */
export class SessionKeeper {
  readonly #api: ApiClient;
  readonly #onChange: (state: SessionState) => void;
  #state: SessionState = { kind: 'unknown' };

  constructor(api: ApiClient, onChange: (state: SessionState) => void) {
    this.#api = api;
    this.#onChange = onChange;
  }

  get state(): SessionState {
    return this.#state;
  }

  /** Whether this page may change and control streams, as far as it knows; the server decides. */
  get operates(): boolean {
    return this.#state.kind === 'open' && this.#state.session.role === 'operator';
  }

  /** Asks the server; one that does not answer leaves things as they are. */
  async check(): Promise<void> {
    try {
      this.#set({ kind: 'open', session: await this.#api.session() });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.status === 401) this.#set({ kind: 'needed', why: this.#state.kind === 'open' ? 'Your token is not valid any more.' : this.#state.kind === 'needed' ? this.#state.why : null });
    }
  }

  /** @throws {ApiError} the token is not valid, too many tries, or no answer */
  async signIn(token: string): Promise<void> {
    this.#set({ kind: 'open', session: await this.#api.signIn(token) });
  }

  /** @throws {ApiError} no answer */
  async signOut(): Promise<void> {
    await this.#api.signOut();
    this.#set({ kind: 'needed', why: 'You are signed out.' });
  }

  #set(state: SessionState): void {
    const before = JSON.stringify(this.#state);
    this.#state = state;
    if (JSON.stringify(state) !== before) this.#onChange(state);
  }
}
