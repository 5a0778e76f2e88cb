import { describe, expect, it } from 'vitest';
import { Heartbeat } from '../../src/viewers/heartbeat.js';
import { LogLimiter } from '../../src/viewers/log-limiter.js';
import { chooseRendition } from '../../src/viewers/rendition.js';
import { StrikeCounter } from '../../src/viewers/strike-counter.js';
import { DEFAULT_VIEWER_LIMITS } from '../../src/viewers/viewer-limits.js';

describe('heartbeat', () => {
  /** What happens at which second, looking once a second. */
  function run(seconds: number, aliveAtSeconds: readonly number[] = []): string[] {
    const heartbeat = new Heartbeat(DEFAULT_VIEWER_LIMITS, 0);
    const events: string[] = [];
    for (let second = 1; second <= seconds; second += 1) {
      if (aliveAtSeconds.includes(second)) heartbeat.alive();
      const event = heartbeat.tick(second * 1000);
      if (event !== 'nothing') events.push(`${event} ${String(second)}`);
      if (event === 'dead') break;
    }
    return events;
  }

  it('gives a socket up 35 s after its last sign of life', () => {
    expect(run(100)).toEqual(['ping 15', 'ping 30', 'dead 35']);
  });

  it('lets a socket live that misses one ping, or answers the second late', () => {
    expect(run(62, [31, 46])).toEqual(['ping 15', 'ping 30', 'ping 45', 'ping 60']);
    expect(run(40, [34])).toEqual(['ping 15', 'ping 30']);
  });
});

describe('heartbeat after this process stood still', () => {
  it('does not count the time that was lost against the viewer', () => {
    const heartbeat = new Heartbeat(DEFAULT_VIEWER_LIMITS, 0);
    const events = [];
    for (let second = 1; second <= 31; second += 1) events.push(heartbeat.tick(second * 1000));
    expect(events.filter((event) => event === 'ping')).toHaveLength(2);
    expect(heartbeat.tick(60_000)).toBe('nothing'); // 29 s of standing still: the answer may lie unread in the socket
    heartbeat.alive();
    expect(heartbeat.tick(61_000)).toBe('nothing');
  });

  it('still gives up who has not answered when time runs on', () => {
    const heartbeat = new Heartbeat(DEFAULT_VIEWER_LIMITS, 0);
    for (let second = 1; second <= 31; second += 1) heartbeat.tick(second * 1000);
    heartbeat.tick(60_000);
    const after = [61, 62, 63, 64, 65].map((second) => heartbeat.tick(second * 1000));
    expect(after.at(-1)).toBe('dead');
  });
});

describe('strike counter', () => {
  it('reaches its limit only within the window', () => {
    const counter = new StrikeCounter(3, 1000);
    expect([0, 500, 1000, 1400, 1999].map((timeMs) => counter.strike(timeMs))).toEqual([false, false, false, true, true]);
  });
});

describe('log limiter', () => {
  it('lets one line a second through and says how many it held back', () => {
    const limiter = new LogLimiter();
    const lines: number[] = [];
    for (const nowMs of [0, 10, 999, 1000, 1001, 2500]) limiter.log((suppressed) => lines.push(suppressed), nowMs);
    expect(lines).toEqual([0, 2, 1]);
  });
});

describe('choice of rendition', () => {
  it.each([
    [undefined, 1280, null],
    [1, 1280, 160],
    [160, 1280, 160],
    [161, 1280, 320],
    [1119, 1280, 1120],
    [1121, 1280, null],
    [4000, 1280, null],
    [4000, null, 4000],
    [500, 640, null],
    [480, 640, 480],
  ])('%j of %j px is %j', (asked, displayPx, expected) => {
    expect(chooseRendition(asked, displayPx, true)).toEqual({ maxWidthPx: expected, drawn: true });
  });
});
