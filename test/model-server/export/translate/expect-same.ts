import { expect } from 'vitest';
import { difference, runInTfjs, runTranslated, type OneOperator } from './tfjs-reference.js';

export type SameOptions = {
  readonly tolerance?: number;
  /** Also with sizes that are not known when it is translated; default true. */
  readonly dynamic?: boolean;
};

/** Expects of one operator that it gives in ONNX Runtime, translated, what it gives in TensorFlow.js. */
export async function expectSame(operator: OneOperator, { tolerance = 2e-4, dynamic = true }: SameOptions = {}): Promise<void> {
  const expected = await runInTfjs(operator);
  expect(difference(await runTranslated(operator), expected, tolerance), `${operator.op}, sizes known`).toBeNull();
  if (dynamic) expect(difference(await runTranslated(operator, true), expected, tolerance), `${operator.op}, sizes not known`).toBeNull();
}

/** The same for pictures, once as they come and once behind a pool, where they lie channels first.
 * @param pooled inputs that are pictures of real numbers */
export async function expectSameInBothOrders(operator: OneOperator, pooled: readonly number[] = [0], options: SameOptions = {}): Promise<void> {
  await expectSame(operator, options);
  await expectSame({ ...operator, pooled }, options);
}
