import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createToken, MAX_TOKEN_LENGTH, TokenGate } from '../../src/viewers/tokens.js';
import { tokenFor } from './support/tokens.js';

describe('a new token', () => {
  it('has a prefix, 256 random bits, and the hash that is configured', () => {
    const { token, sha256 } = createToken();
    expect(token).toMatch(/^sl_[A-Za-z0-9_-]{43}$/);
    expect(Buffer.from(token.slice(3), 'base64url')).toHaveLength(32);
    expect(sha256).toBe(createHash('sha256').update(token).digest('hex'));
    expect(new TokenGate([{ name: 'a', sha256, role: 'operator' }]).identify(token)?.name).toBe('a');
  });

  it('is another one every time', () => {
    expect(new Set(Array.from({ length: 100 }, () => createToken().token)).size).toBe(100);
  });
});

describe('the gate', () => {
  it('lets everybody do everything where no tokens are configured', () => {
    const gate = new TokenGate([]);
    expect(gate.isRequired).toBe(false);
    const anybody = gate.identify(null);
    expect(anybody).toEqual({ name: 'anybody', role: 'operator', streams: null, expiresAtMs: null });
    expect(anybody !== null && gate.isValid(anybody)).toBe(true);
  });

  it.each([[null], [''], ['b-toke'], ['b-token '], ['B-TOKEN'], [tokenFor('b').sha256], ['x'.repeat(MAX_TOKEN_LENGTH + 1)]])('knows nobody by %.40j', (presented) => {
    expect(new TokenGate([tokenFor('a'), tokenFor('b')]).identify(presented)).toBeNull();
  });

  it('knows an expired token, and that it is worth nothing from that moment on', () => {
    const gate = new TokenGate([tokenFor('a', { expires: '2030-01-01T00:00:00Z' })]);
    const principal = gate.identify('a-token');
    if (principal === null) throw new Error('not known');
    const atMs = Date.parse('2030-01-01T00:00:00Z');
    expect([gate.isValid(principal, atMs - 1), gate.isValid(principal, atMs)]).toEqual([true, false]);
  });

  it.each([
    ['role', { role: 'operator' as const }, { role: 'operator' }],
    ['list of streams', { streams: ['yard'] }, { streams: new Set(['yard']) }],
    ['expiry', { expires: '2031-01-01' }, { expiresAtMs: Date.parse('2031-01-01') }],
  ])('takes a token with another %s for another token', (_what, change, rights) => {
    const gate = new TokenGate([tokenFor('a', { streams: ['door'] }), tokenFor('b')]);
    const [a, b] = [gate.identify('a-token'), gate.identify('b-token')];
    if (a === null || b === null) throw new Error('not known');
    gate.setTokens([tokenFor('b'), tokenFor('a', { streams: ['door'], ...change })]);
    expect([gate.isValid(a), gate.isValid(b)]).toEqual([false, true]);
    expect(gate.identify('a-token')).toMatchObject({ name: 'a', ...rights });
  });

  it('no longer knows anybody by name once there are tokens, nor tokens once there are none', () => {
    const gate = new TokenGate([]);
    const anybody = gate.identify(null);
    if (anybody === null) throw new Error('not known');
    gate.setTokens([tokenFor('a')]);
    expect([gate.isValid(anybody), gate.identify(null)]).toEqual([false, null]);
    const a = gate.identify('a-token');
    gate.setTokens([]);
    expect(a !== null && gate.isValid(a)).toBe(false);
    expect(gate.isValid(anybody)).toBe(true);
  });

  it('keeps all as it was when one of the new tokens is malformed', () => {
    const gate = new TokenGate([tokenFor('a')]);
    const a = gate.identify('a-token');
    expect(() => gate.setTokens([tokenFor('b'), { ...tokenFor('c'), sha256: 'abc' }])).toThrow(RangeError);
    expect(a !== null && gate.isValid(a)).toBe(true);
    expect(gate.identify('b-token')).toBeNull();
  });
});
