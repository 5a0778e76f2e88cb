import { ModelOutputError } from '../../core/errors.js';
import type { ClassScore } from '../../core/frames.js';
import type { Tensor } from '../../serving/tensor.js';
import { nameClass, type DecodeContext } from './decode-context.js';
import { checkedScore, expectFinite, expectShape, floatOutput, SCORE_TOLERANCE } from './numeric-output.js';
import type { ClassificationPlan } from './output-plan.js';
import { formatShape } from './signature-text.js';
import { bestRows } from './suppress-overlaps.js';

/** Decodes one answer of a classification model, the best classes of each frame, ordered by score, descending.
 *
 * Values that all lie in [0, 1] are probabilities, of one class or of each class by itself; where one of the answer's does not, they are
 * logits and go through softmax, frame by frame.
 * @param outputs `[n, c]`
 * @throws {ModelOutputError} if the output is missing or its dtype, shape or values are not as above */
export function decodeClassification(outputs: ReadonlyMap<string, Tensor>, plan: ClassificationPlan, { batchSize, letterboxes, labels }: DecodeContext): ClassScore[][] {
  const output = floatOutput(outputs, plan.output);
  expectShape(output, [batchSize, -1]);
  const classCount = output.shape[1] ?? 0;
  if (classCount < 1) throw new ModelOutputError(`output ${output.name} has shape ${formatShape(output.shape)}, expected at least one class`);
  expectFinite(output, 0, output.data.length);
  const areLogits = plan.scoreType === null ? output.data.some((value) => value < -SCORE_TOLERANCE || value > 1 + SCORE_TOLERANCE) : plan.scoreType === 'logits';
  return letterboxes.map((_, frame) => {
    const values = Float64Array.from(output.data.subarray(frame * classCount, (frame + 1) * classCount));
    const scores = Float32Array.from(areLogits ? softmax(values) : values.map((value) => checkedScore(value, output.name)));
    return Array.from(bestRows(scores, 0, plan.topK), (index) => ({ ...nameClass(index, labels, { classOffset: plan.classOffset, classCount }), score: scores[index] ?? 0 }));
  });
}

function softmax(logits: Float64Array): Float64Array {
  const highest = logits.reduce((max, value) => Math.max(max, value), -Infinity);
  const powers = logits.map((value) => Math.exp(value - highest));
  const sum = powers.reduce((total, value) => total + value, 0);
  return powers.map((value) => value / sum);
}
