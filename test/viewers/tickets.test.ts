import { describe, expect, it } from 'vitest';
import { Tickets, TICKET_LIFE_MS } from '../../src/viewers/tickets.js';
import type { Principal } from '../../src/viewers/tokens.js';

const principal = (name: string): Principal => ({ name, role: 'viewer', streams: null, expiresAtMs: null });

describe('tickets', () => {
  it('are good once, for who they were made for', () => {
    const tickets = new Tickets(() => true);
    const [a, b] = [principal('a'), principal('b')];
    const [forA, forB] = [tickets.issue(a, 0), tickets.issue(b, 0)];
    expect(forA.ticket).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(forA.ticket).not.toBe(forB.ticket);
    expect([tickets.redeem(forB.ticket, 1), tickets.redeem(forA.ticket, 1)]).toEqual([b, a]);
    expect([tickets.redeem(forB.ticket, 1), tickets.redeem(forA.ticket, 1)]).toEqual([null, null]);
  });

  it.each([
    [TICKET_LIFE_MS - 1, true],
    [TICKET_LIFE_MS, false],
    [TICKET_LIFE_MS * 10, false],
  ])('of age %d ms are taken: %s', (ageMs, isTaken) => {
    const tickets = new Tickets(() => true);
    const { ticket, expiresAtMs } = tickets.issue(principal('a'), 1000);
    expect(expiresAtMs).toBe(1000 + 30_000);
    expect(tickets.redeem(ticket, 1000 + ageMs) !== null).toBe(isTaken);
  });

  it.each(['', 'x', 'A'.repeat(43), '__proto__', 'a'.repeat(100_000)])('that were never made are not taken: %.20s', (ticket) => {
    const tickets = new Tickets(() => true);
    tickets.issue(principal('a'), 0);
    expect(tickets.redeem(ticket, 0)).toBeNull();
  });

  it('are worth nothing once their holder is', () => {
    let isValid = true;
    const tickets = new Tickets(() => isValid);
    const { ticket } = tickets.issue(principal('a'), 0);
    isValid = false;
    expect(tickets.redeem(ticket, 0)).toBeNull();
  });

  it('are bounded for each holder, the oldest going first, and do not crowd out those of others', () => {
    const tickets = new Tickets(() => true);
    const [greedy, modest] = [principal('greedy'), principal('modest')];
    const kept = tickets.issue(modest, 0).ticket;
    const made = Array.from({ length: 1000 }, () => tickets.issue(greedy, 0).ticket);
    expect(tickets.size).toBe(65);
    expect([tickets.redeem(made[935] ?? '', 0), tickets.redeem(made[936] ?? '', 0)]).toEqual([null, greedy]);
    expect(tickets.redeem(kept, 0)).toBe(modest);
  });

  it('that nobody used are forgotten', () => {
    const tickets = new Tickets(() => true);
    for (let holder = 0; holder < 50; holder += 1) tickets.issue(principal(String(holder)), 0);
    tickets.issue(principal('late'), TICKET_LIFE_MS);
    expect(tickets.size).toBe(1);
  });
});
