import type { BoxYxyxNormalized } from '../../src/core/geometry.js';
import type { Tensor } from '../../src/serving/tensor.js';
import { detectionOutputs, detectionSignature, type FakeScript, type SeenPredict } from './fake-serving.js';

const MASK_CELLS = 33;
/** Normalised to the model input. */
const BOX: BoxYxyxNormalized = [0.3, 0.25, 0.7, 0.75];

/** Where the points of the person lie, as parts of its box: nose, eyes, ears, shoulders, elbows, wrists, hips, knees, ankles. The model is not sure of the last one. */
export const PERSON_POINTS: readonly (readonly [x: number, y: number])[] = [
  [0.5, 0.18], [0.54, 0.13], [0.46, 0.13], [0.59, 0.15], [0.41, 0.15], [0.64, 0.34], [0.36, 0.34], [0.8, 0.46], [0.2, 0.46],
  [0.93, 0.6], [0.07, 0.6], [0.6, 0.62], [0.4, 0.62], [0.6, 0.8], [0.4, 0.8], [0.6, 0.95], [0.4, 0.95],
];

/** Whether a place in the person's box, in parts of it, is on the person: a head, and a body below it as wide as half the box. */
export function isOnPerson(x: number, y: number): boolean {
  return Math.hypot(x - 0.5, (y - 0.15) * 0.8) < 0.12 || (x > 0.25 && x < 0.75 && y > 0.3);
}

/** A model of the Object Detection API that finds one person (0.9) on every image, with its mask and its 17 keypoints. */
export function posedPerson(): Pick<FakeScript, 'signature' | 'predict'> {
  const signature = detectionSignature();
  const output = (name: string, shape: readonly number[]): [string, { name: string; dtype: 'float'; shape: readonly number[] }] => [name, { name: `${name}:0`, dtype: 'float', shape }];
  return {
    signature: { ...signature, outputs: new Map([...signature.outputs, output('detection_masks', [-1, 1, MASK_CELLS, MASK_CELLS]), output('detection_keypoints', [-1, 1, 17, 2]), output('detection_keypoint_scores', [-1, 1, 17])]) },
    predict: ({ inputs }: SeenPredict) => {
      const count = [...inputs.values()][0]?.shape[0] ?? 0;
      const repeated = (shape: readonly number[], values: readonly number[]): Tensor => ({ dtype: 'float', shape: [count, 1, ...shape], data: Float32Array.from(Array.from({ length: count }, () => values).flat()) });
      return {
        ...detectionOutputs(Array.from({ length: count }, () => [{ classId: 1, score: 0.9, box: BOX }]), 1),
        detection_masks: repeated([MASK_CELLS, MASK_CELLS], Array.from({ length: MASK_CELLS ** 2 }, (_, cell) => Number(isOnPerson(((cell % MASK_CELLS) + 0.5) / MASK_CELLS, (Math.floor(cell / MASK_CELLS) + 0.5) / MASK_CELLS)))),
        detection_keypoints: repeated([17, 2], PERSON_POINTS.flatMap(([x, y]) => [BOX[0] + y * (BOX[2] - BOX[0]), BOX[1] + x * (BOX[3] - BOX[1])])),
        detection_keypoint_scores: repeated([17], PERSON_POINTS.map((_, index) => (index === 16 ? 0.1 : 0.9))),
      };
    },
  };
}
