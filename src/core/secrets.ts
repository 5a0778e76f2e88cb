import { redactText, secretMatcher, secretsOf } from './redact.js';

/** How long a secret is remembered after its stream is gone, ms: a program that is being killed may still speak of it. */
const LATE_MS = 60_000;

/** All secrets that a service knows, so that none of them gets out, whatever text it has got into. One a process; passed in. */
export class SecretRegistry {
  readonly #uses = new Map<string, number>();
  #secrets: readonly string[] = [];

  /** Remembers what is secret of a source.
   * @returns the (idempotent) way to forget it again, a minute later */
  register(source: string): () => void {
    return this.#add(secretsOf(source));
  }

  /** Takes known secrets, in every spelling, and the login and secret parameters of any URL out of a text. */
  redact = (text: string): string => redactText(this.#secrets.length === 0 ? text : text.replace(secretMatcher(this.#secrets), '***'));

  #add(secrets: readonly string[]): () => void {
    for (const secret of secrets) this.#uses.set(secret, (this.#uses.get(secret) ?? 0) + 1);
    this.#secrets = [...this.#uses.keys()];
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      setTimeout(() => { this.#remove(secrets); }, LATE_MS).unref();
    };
  }

  #remove(secrets: readonly string[]): void {
    for (const secret of secrets) {
      const uses = (this.#uses.get(secret) ?? 1) - 1;
      if (uses > 0) this.#uses.set(secret, uses);
      else this.#uses.delete(secret);
    }
    this.#secrets = [...this.#uses.keys()];
  }
}
