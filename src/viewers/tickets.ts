import { randomBytes } from 'node:crypto';
import { digestOf, type Principal } from './tokens.js';

/** How long a ticket may be used, ms. */
export const TICKET_LIFE_MS = 30_000;
/** Tickets that one principal may hold; the oldest makes room for a new one. */
const MAX_TICKETS = 64;
const TICKET_BYTES = 32;

/**
 * Tickets for clients that cannot send headers with a WebSocket: good once, for 30 s, so that one that ends up in somebody's log is
 * worth nothing. Only their hashes are kept. Times in epoch ms, passed in.
 */
export class Tickets {
  /** For each holder, hash to expiry, the oldest first. */
  readonly #tickets = new Map<Principal, Map<string, number>>();
  readonly #isValid: (principal: Principal, nowMs: number) => boolean;

  /** @param isValid whether a holder's token still counts; tickets of one that does not are worth nothing */
  constructor(isValid: (principal: Principal, nowMs: number) => boolean) {
    this.#isValid = isValid;
  }

  /** How many are out, those that nobody has asked for since they expired included. */
  get size(): number {
    return [...this.#tickets.values()].reduce((sum, held) => sum + held.size, 0);
  }

  /** Makes a ticket for its holder. */
  issue(principal: Principal, nowMs: number): { readonly ticket: string; readonly expiresAtMs: number } {
    this.#clearAway(nowMs);
    const held = this.#tickets.get(principal) ?? new Map<string, number>();
    this.#tickets.set(principal, held);
    for (const oldest of held.keys()) {
      if (held.size < MAX_TICKETS) break;
      held.delete(oldest);
    }
    const ticket = randomBytes(TICKET_BYTES).toString('base64url');
    const expiresAtMs = nowMs + TICKET_LIFE_MS;
    held.set(hashOf(ticket), expiresAtMs);
    return { ticket, expiresAtMs };
  }

  /** Takes a ticket in. @returns its holder; `null`: used before, too late, never issued, or the holder's token is gone */
  redeem(ticket: string, nowMs: number): Principal | null {
    const hash = hashOf(ticket);
    for (const [principal, held] of this.#tickets) {
      const expiresAtMs = held.get(hash);
      if (expiresAtMs === undefined) continue;
      held.delete(hash);
      return nowMs < expiresAtMs && this.#isValid(principal, nowMs) ? principal : null;
    }
    return null;
  }

  #clearAway(nowMs: number): void {
    for (const [principal, held] of this.#tickets) {
      for (const [hash, expiresAtMs] of held) if (nowMs >= expiresAtMs) held.delete(hash);
      if (held.size === 0 || !this.#isValid(principal, nowMs)) this.#tickets.delete(principal);
    }
  }
}

function hashOf(ticket: string): string {
  return digestOf(ticket).toString('base64');
}
