import { describe, expect, it } from 'vitest';
import { addressKey } from '../../src/viewers/client-address.js';
import { RateLimiter } from '../../src/viewers/rate-limiter.js';
import { WrongTries } from '../../src/viewers/wrong-tries.js';

describe('the rate limiter', () => {
  const limits = { perSecond: 10, burst: 3, maxKeys: 5 };

  it('lets a burst through, then as many a second as it may, and says how long to wait', () => {
    const limiter = new RateLimiter(limits);
    expect([0, 0, 0, 0].map((nowMs) => limiter.take('a', nowMs))).toEqual([0, 0, 0, 100]);
    expect(limiter.take('a', 40)).toBe(60);
    expect([limiter.take('a', 100), limiter.take('a', 100)]).toEqual([0, 100]);
  });

  it('gives no more than the burst after a long pause, and nothing for a clock that goes back', () => {
    const limiter = new RateLimiter(limits);
    limiter.take('a', 1_000_000);
    expect([0, 0, 0, 1].map((_each, index) => limiter.take('a', index === 0 ? 2_000_000 : 0))).toEqual([0, 0, 0, 100]);
  });

  it('counts each key by itself', () => {
    const limiter = new RateLimiter(limits);
    for (let count = 0; count < 10; count += 1) limiter.take('a', 0);
    expect(limiter.take('b', 0)).toBe(0);
  });

  it('looks without counting', () => {
    const limiter = new RateLimiter(limits);
    for (let count = 0; count < 10; count += 1) expect(limiter.waitMs('a', 0)).toBe(0);
    expect(limiter.size).toBe(0);
  });

  it('remembers no more keys than it may, those used last', () => {
    const limiter = new RateLimiter(limits);
    for (let count = 0; count < 4; count += 1) limiter.take('busy', 0);
    for (let count = 0; count < 1000; count += 1) {
      limiter.take(`other ${String(count)}`, 0);
      limiter.take('busy', 0);
    }
    expect(limiter.size).toBe(5);
    expect(limiter.waitMs('busy', 0)).toBe(100);
  });
});

describe('the address that limits count by', () => {
  it.each([
    [undefined, 'gone'],
    ['192.168.1.20', '192.168.1.20'],
    ['::ffff:192.168.1.20', '192.168.1.20'],
    ['::FFFF:10.0.0.1', '10.0.0.1'],
    ['::1', '::1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002::', '2001:db8:1:2::/64'],
    ['2001:db8::7', '2001:db8:0:0::/64'],
    ['2001:db8::1:2:3:4', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
  ])('of %s is %s', (address, key) => {
    expect(addressKey(address)).toBe(key);
  });
});

describe('the limit on wrong tokens', () => {
  const limits = { wrongTriesPerMinute: 3, wrongTriesPerMinuteInAll: 5 };

  it('lets an address try a few times, then makes it wait', () => {
    const tries = new WrongTries(limits);
    for (let count = 0; count < 3; count += 1) {
      expect(tries.waitMs('a', 0)).toBe(0);
      tries.wrong('a', `guess ${String(count)}`, 0);
    }
    expect(tries.waitMs('a', 0)).toBe(20_000);
    expect([tries.waitMs('b', 0), tries.waitMs('a', 20_000)]).toEqual([0, 0]);
  });

  it('makes all wait when many addresses try', () => {
    const tries = new WrongTries(limits);
    for (let count = 0; count < 5; count += 1) tries.wrong(`address ${String(count)}`, 'guess', 0);
    expect(tries.waitMs('another', 0)).toBe(12_000);
  });

  it('does not take the same token over and over for guesses', () => {
    const tries = new WrongTries(limits);
    for (let count = 0; count < 100; count += 1) tries.wrong('a', 'an old one', 0);
    expect(tries.waitMs('a', 0)).toBe(0);
  });

  it('remembers who was let in, from there only', () => {
    const tries = new WrongTries(limits);
    tries.right('a', 'wall');
    expect([tries.isWelcome('a', 'wall'), tries.isWelcome('b', 'wall'), tries.isWelcome('a', 'boss')]).toEqual([true, false, false]);
  });
});
