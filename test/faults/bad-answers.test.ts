import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ModelOutputError } from '../../src/core/errors.js';
import { BackendPool } from '../../src/detection/pool/backend-pool.js';
import { badAnswers, subtlyBadAnswers } from '../helpers/bad-answers.js';
import { FakeServing } from '../helpers/fake-serving.js';
import { testFrame } from '../helpers/frames.js';
import { until } from '../helpers/until.js';
import { collectedBytes } from './figures.js';
import { report } from './report.js';
import { poolOptions } from '../helpers/pool-options.js';

/** F19, second half: answers to Predict that are wrong, as the pool takes each of them; what streams see of them is in backend-answers.test.ts. */

const MB = 1024 * 1024;
const IMAGES = 2;
const ANSWERS = new Map(Object.entries({ ...badAnswers(IMAGES), ...subtlyBadAnswers(IMAGES) }));

let serving: FakeServing;
let pool: BackendPool;

beforeEach(async () => {
  serving = await new FakeServing({ records: false }).start();
  pool = new BackendPool(poolOptions([serving.endpoint], { deadlineMs: 5_000 }));
  await until(isOk);
});
afterEach(async () => {
  await pool.close();
  await serving.close();
});

const isOk = (): boolean => pool.state.status.state === 'ok';
const detect = (): Promise<unknown> => pool.detect({ frames: Array.from({ length: IMAGES }, (_, seq) => testFrame({ seq })) });

describe('F19: an answer that is wrong', () => {
  it.each([...ANSWERS.keys()])('%s: is refused in one line, and the next good one is taken', async (name) => {
    serving.script.rawAnswer = ANSWERS.get(name) ?? null;
    const error = await detect().then(() => null, (reason: unknown) => reason);
    expect(error).toBeInstanceOf(ModelOutputError);
    expect((error as Error).message).toMatch(/^[^\n]{10,500}$/);
    serving.script.rawAnswer = null;
    // It may look at the model again first.
    await until(() => detect().then(() => true, () => false));
    await until(isOk);
  });

  it('costs no memory and no time to speak of, however often it comes', async () => {
    const rounds = 20;
    const bad = [...ANSWERS.values()];
    let refused = 0;
    const all = async (): Promise<void> => {
      for (const bytes of bad) {
        serving.script.rawAnswer = bytes;
        await detect().catch(() => { refused += 1; });
        // A good one in between: three bad ones in a row and nothing more is sent.
        serving.script.rawAnswer = null;
        await detect();
      }
    };
    for (let round = 0; round < 5; round += 1) await all();
    const before = await collectedBytes();
    const startMs = performance.now();
    refused = 0;
    const callsBefore = serving.calls.Predict;
    for (let round = 0; round < rounds; round += 1) await all();
    const calls = serving.calls.Predict - callsBefore;
    const eachMs = (performance.now() - startMs) / calls;
    const grownMb = ((await collectedBytes()) - before) / MB;
    report('F19 bad answers', { kinds: ANSWERS.size, calls, 'ms each, both sides and gRPC': eachMs, 'memory grown MB': grownMb, 'target MB': 5 });
    expect({ calls, refused }).toEqual({ calls: 2 * rounds * bad.length, refused: rounds * bad.length });
    expect(grownMb).toBeLessThan(5);
  });
});
