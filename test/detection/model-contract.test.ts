import { describe, expect, it } from 'vitest';
import { describeContract, readModelContract } from '../../src/detection/model-contract.js';
import type { SignatureDefMap, TensorInfo } from '../../src/serving/metadata-messages.js';

const OUTPUTS = ['detection_boxes', 'detection_classes', 'detection_scores', 'num_detections'];

function signatures(inputs: Record<string, Partial<TensorInfo>>, outputs: readonly string[] = OUTPUTS, name = 'serving_default'): SignatureDefMap {
  const info = (partial: Partial<TensorInfo>): TensorInfo => ({ name: 'x:0', dtype: 'uint8', shape: [-1, -1, -1, 3], ...partial });
  return new Map([
    [
      name,
      {
        inputs: new Map(Object.entries(inputs).map(([key, partial]) => [key, info(partial)])),
        outputs: new Map(outputs.map((key) => [key, info({ dtype: 'float' })])),
        methodName: 'tensorflow/serving/predict',
      },
    ],
  ]);
}

describe('readModelContract', () => {
  it('takes a TF1 Object Detection API export: any batch size, any picture size', () => {
    const contract = readModelContract(signatures({ inputs: {} }), 'serving_default');
    expect(contract).toEqual({ signatureName: 'serving_default', inputName: 'inputs', fixedBatchSize: null, fixedInputSize: null, outputNames: OUTPUTS });
    expect(describeContract(contract, { widthPx: 512, heightPx: 512 })).toBe('object detector, input inputs (uint8), any batch size, frames sent at 512x512');
  });

  it('reads a TF2 export as fixed at batch size 1', () => {
    const contract = readModelContract(signatures({ input_tensor: { shape: [1, -1, -1, 3] } }, [...OUTPUTS, 'raw_detection_boxes']), 'serving_default');
    expect(contract.inputName).toBe('input_tensor');
    expect(contract.fixedBatchSize).toBe(1);
    expect(contract.outputNames).toEqual(OUTPUTS);
  });

  it('reads a fixed picture size, height first', () => {
    expect(readModelContract(signatures({ inputs: { shape: [-1, 480, 640, 3] } }), 'serving_default').fixedInputSize).toEqual({ widthPx: 640, heightPx: 480 });
  });

  it('takes a shape of unknown rank', () => {
    expect(readModelContract(signatures({ inputs: { shape: null } }), 'serving_default').fixedBatchSize).toBeNull();
  });

  it.each<[string, SignatureDefMap, RegExp]>([
    ['another signature', signatures({ inputs: {} }, OUTPUTS, 'predict'), /no signature serving_default, only predict$/],
    ['no input', signatures({}), /takes 0 inputs \(none\): expected one/],
    ['two inputs', signatures({ b: {}, a: {} }), /takes 2 inputs \(a, b\): expected one/],
    ['float input', signatures({ images: { dtype: 'float' } }), /input images \(float \[-1, -1, -1, 3\]\) is not uint8/],
    ['encoded input', signatures({ images: { dtype: 'string', shape: [-1] } }), /is not uint8/],
    ['a vector', signatures({ x: { shape: [-1] } }), /is not a batch of images/],
    ['grey pictures', signatures({ x: { shape: [-1, -1, -1, 1] } }), /does not end in 3 channels/],
    ['a classifier', signatures({ inputs: {} }, ['scores', 'classes']), /no output detection_boxes, detection_classes, detection_scores, num_detections, only classes, scores: expected/],
  ])('refuses %s in one line that says what was expected', (_what, map, message) => {
    expect(() => readModelContract(map, 'serving_default')).toThrow(message);
    try {
      readModelContract(map, 'serving_default');
    } catch (error) {
      expect((error as Error).message).not.toContain('\n');
    }
  });
});
