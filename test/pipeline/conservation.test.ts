import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { numberedClip } from '../helpers/clips.js';
import { detectionOutputs, type FakeScript } from '../helpers/fake-serving.js';
import { pipelineRig, RIG_CLIP_SIZE } from '../helpers/pipeline-rig.js';
import { isConserved, sum } from '../helpers/stream-rig.js';
import { until } from '../helpers/until.js';

const { rig } = pipelineRig();

const healthy: Partial<FakeScript> = { failWith: null, hang: false, rawAnswer: null, predict: null, delayMs: 0, state: 'AVAILABLE', health: 'SERVING' };

/** What a backend may do to a batch, and that it may be gone. */
const fault = fc.oneof(
  { weight: 3, arbitrary: fc.constant('heal' as const) },
  { weight: 1, arbitrary: fc.constant('away' as const) },
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 16 }).map((grpcCode): Partial<FakeScript> => ({ failWith: { grpcCode, message: 'as scripted' } })) },
  {
    weight: 4,
    arbitrary: fc.constantFrom<Partial<FakeScript>>(
      { hang: true },
      { delayMs: 40 },
      { rawAnswer: Buffer.from('nonsense') },
      { rawAnswer: Buffer.alloc(0) },
      { state: 'LOADING' },
      { health: 'NOT_SERVING' },
      { predict: () => detectionOutputs([[], [], [], [], [], [], [], [], []], 3) },
    ),
  },
);

describe('conservation', () => {
  it('holds on every turn of the event loop, whatever the backend does, and nothing is in flight for ever', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.record({ fault, forMs: fc.integer({ min: 5, max: 120 }) }), { minLength: 8, maxLength: 16 }), async (faults) => {
        const { pipeline, serving, add } = await rig({}, { deadlineMs: 100 });
        const source = await numberedClip({ name: 'conservation.mp4', ...RIG_CLIP_SIZE, frames: 250 });
        for (const id of ['camera-1', 'camera-2']) add(id, source, { mode: 'live' });
        add('recording', source);
        pipeline.watch('recording');
        const problems: string[] = [];
        const stop = new AbortController();
        const watching = (async () => {
          while (!stop.signal.aborted) {
            for (const { id, counters } of pipeline.list()) if (!isConserved(counters)) problems.push(`${id} ${JSON.stringify(counters)}`);
            await new Promise((resolve) => setImmediate(resolve));
          }
        })();
        let isAway = false;
        for (const { fault: what, forMs } of faults) {
          if (isAway) await serving.start(serving.port);
          isAway = what === 'away';
          Object.assign(serving.script, healthy, typeof what === 'string' ? {} : what);
          if (isAway) await serving.close();
          await new Promise((resolve) => setTimeout(resolve, forMs));
        }
        if (isAway) await serving.start(serving.port);
        Object.assign(serving.script, healthy);
        for (const id of ['camera-1', 'camera-2', 'recording']) await until(() => pipeline.get(id)?.state === 'ended' && pipeline.get(id)?.counters.inFlight === 0, { timeoutMs: 40_000 });
        stop.abort();
        await watching;
        expect(problems).toEqual([]);
        for (const { mode, counters } of pipeline.list()) {
          expect(counters.decoded).toBe(250);
          // A replay loses nothing: what is not shown has failed three times.
          if (mode === 'replay') expect(counters.shown + sum(counters.failed)).toBe(250);
        }
        for (const { id } of pipeline.list()) await pipeline.remove(id);
      }),
      { numRuns: 3, endOnFailure: true },
    );
  }, 180_000);
});
