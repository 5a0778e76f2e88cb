import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CircuitBreaker } from '../../../src/detection/backend/circuit-breaker.js';

describe('CircuitBreaker', () => {
  it('opens after three failures in a row, not after three in all', () => {
    const breaker = new CircuitBreaker();
    expect([breaker.failed(), breaker.failed()]).toEqual([false, false]);
    breaker.succeeded();
    expect([breaker.failed(), breaker.failed(), breaker.failed()]).toEqual([false, false, true]);
    expect(breaker.state).toBe('open');
  });

  it('opens again when its trial fails, and closes when it succeeds', () => {
    const breaker = new CircuitBreaker();
    breaker.trip();
    breaker.tryAgain();
    expect(breaker.state).toBe('half-open');
    expect(breaker.failed()).toBe(true);
    breaker.tryAgain();
    breaker.succeeded();
    expect([breaker.state, breaker.failures]).toEqual(['closed', 0]);
    expect(() => { breaker.tryAgain(); }).toThrow(RangeError);
  });

  it('is never closed after a failed trial, under any sequence of events', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('failed', 'succeeded', 'trip', 'try'), { maxLength: 60 }), (events) => {
        const breaker = new CircuitBreaker();
        let inARow = 0;
        for (const event of events) {
          if (event === 'failed') {
            const wasTrial = breaker.state === 'half-open';
            const isOpen = breaker.failed();
            inARow += 1;
            if (wasTrial || inARow >= 3) expect(isOpen).toBe(true);
          } else if (event === 'succeeded') {
            breaker.succeeded();
            inARow = 0;
          } else if (event === 'trip') breaker.trip();
          else if (breaker.state === 'open') breaker.tryAgain();
          if (inARow === 0 && event === 'succeeded') expect(breaker.state).toBe('closed');
        }
      }),
    );
  });
});
