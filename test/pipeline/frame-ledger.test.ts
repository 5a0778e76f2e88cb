import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameLedger } from '../../src/pipeline/frame-ledger.js';
import { createMetrics } from '../../src/telemetry/metrics.js';

const sum = (counts: object): number => Object.values(counts as Record<string, number>).reduce((a, b) => a + b, 0);

describe('FrameLedger', () => {
  it('conserves frames after every event, whatever becomes of them', () => {
    const ending = fc.constantFrom('shown', 'superseded', 'deadline', 'closed', 'serving', 'model-output', 'annotation');
    fc.assert(
      fc.property(fc.array(fc.tuple(ending, fc.nat(5)), { maxLength: 100 }), (script) => {
        const ledger = new FrameLedger('door', createMetrics());
        const open: number[] = [];
        let seq = 0;
        for (const [end, decode] of script) {
          for (let count = 0; count < decode; count += 1) {
            ledger.decoded(seq);
            open.push(seq);
            seq += 1;
          }
          const ended = open.shift();
          if (ended !== undefined) {
            if (end === 'shown') ledger.shown(ended);
            else if (end === 'superseded' || end === 'deadline' || end === 'closed') ledger.dropped(ended, end);
            else ledger.failed(ended, end);
          }
          const counters = ledger.counters();
          expect(counters.decoded).toBe(counters.shown + counters.inFlight + sum(counters.dropped) + sum(counters.failed));
          expect(counters.inFlight).toBe(open.length);
        }
      }),
    );
  });

  it('refuses a frame that ends twice or never began', () => {
    const ledger = new FrameLedger('door', createMetrics());
    ledger.decoded(0);
    expect(() => {
      ledger.decoded(0);
    }).toThrow(RangeError);
    ledger.shown(0);
    expect(() => {
      ledger.dropped(0, 'closed');
    }).toThrow(RangeError);
    expect(() => {
      ledger.failed(7, 'serving');
    }).toThrow(RangeError);
  });

  it('counts the same in the metrics, by outcome and reason', async () => {
    const metrics = createMetrics();
    const ledger = new FrameLedger('door', metrics);
    ledger.decoded(0);
    ledger.decoded(1);
    ledger.shown(0);
    ledger.dropped(1, 'superseded');
    ledger.viewerSkipped(3);
    const text = await metrics.registry.metrics();
    expect(text).toContain('sightline_frames_total{stream="door",outcome="decoded",reason=""} 2');
    expect(text).toContain('sightline_frames_total{stream="door",outcome="shown",reason=""} 1');
    expect(text).toContain('sightline_frames_total{stream="door",outcome="dropped",reason="superseded"} 1');
    expect(text).toContain('sightline_frames_total{stream="door",outcome="viewer_skipped",reason=""} 3');
  });

  it('leaves no series of its own in the metrics once it is withdrawn, and its frames in the sum of all', async () => {
    const metrics = createMetrics();
    const ledgers = ['gone', 'stays'].map((id) => new FrameLedger(id, metrics));
    for (const ledger of ledgers) {
      for (let seq = 0; seq < 4; seq += 1) ledger.decoded(seq);
      ledger.shown(0);
      ledger.dropped(1, 'superseded');
      ledger.failed(2, 'serving');
      ledger.viewerSkipped(5);
    }
    const [gone] = ledgers;
    gone?.withdraw();
    gone?.withdraw();
    gone?.dropped(3, 'closed');
    expect(gone?.counters()).toMatchObject({ decoded: 4, inFlight: 0, viewerSkipped: 5 });
    const lines = (await metrics.registry.metrics()).split('\n').filter((line) => line.startsWith('sightline_frames_total{'));
    expect(lines.filter((line) => line.includes('stream="gone"'))).toEqual([]);
    expect(lines.filter((line) => line.includes('stream="stays"'))).toHaveLength(5);
    expect(lines.filter((line) => line.includes('stream="(removed)"')).map((line) => line.replace(/^.*outcome="(\w+)",reason="([\w-]*)"\} /u, '$1 $2 ')).sort()).toEqual(['decoded  4', 'dropped closed 1', 'dropped superseded 1', 'failed serving 1', 'shown  1', 'viewer_skipped  5']);
  });
});
