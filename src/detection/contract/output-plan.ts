import { ModelMismatchError } from '../../core/errors.js';
import type { SignatureDef, TensorInfo } from '../../serving/metadata-messages.js';
import type { BoxesMapping, ClassificationMapping, OutputMapping, YoloMapping } from './model-wishes.js';
import { isFloatType } from './numeric-output.js';
import { KEYPOINT_OUTPUTS, MASK_OUTPUT, OBJECT_DETECTION_OUTPUTS } from './object-detection-decoder.js';
import { describeTensor, formatShape, listNames } from './signature-text.js';

/** What the outputs of a model mean and which of them are asked for. */
export type OutputPlan =
  | { readonly kind: 'object-detection'; readonly masks: boolean; readonly keypoints: 'none' | 'plain' | 'scored' }
  | BoxesMapping
  | YoloPlan
  | ClassificationPlan;

export type YoloPlan = YoloMapping & { readonly output: string; readonly nms: number };
export type ClassificationPlan = ClassificationMapping & { readonly output: string; readonly topK: number };

/** What is recognised without a mapping. */
const EXPECTED = 'expected the outputs of the TensorFlow Object Detection API, one output float [batch, channels, boxes] (YOLO) or float [batch, classes] (classification), or model.output in the configuration';
/** A row of a YOLO head has a box and at least one score. */
const MIN_YOLO_CHANNELS = 5;
/** Overlap that Ultralytics' `predict` allows by default. */
const DEFAULT_YOLO_NMS = 0.7;
const DEFAULT_TOP_K = 5;

/** Finds out what the outputs of a signature mean: as the mapping says, else the four of the Object Detection API, else by the shape of the
 * only one.
 * @throws {ModelMismatchError} when they mean nothing that is known, or the mapping names what is not there, one line */
export function readOutputPlan(signature: SignatureDef, mapping: OutputMapping | null): OutputPlan {
  if (mapping !== null) return mappedPlan(signature, mapping);
  const missing = OBJECT_DETECTION_OUTPUTS.filter((name) => !signature.outputs.has(name));
  if (missing.length === 0) return objectDetectionPlan(signature);
  const [only, ...others] = signature.outputs;
  const plan = only !== undefined && others.length === 0 ? planOfShape(...only) : null;
  if (plan !== null) return plan;
  const found = only === undefined || others.length > 0 ? listNames(signature.outputs.keys()) : describeTensor(...only);
  throw new ModelMismatchError(`it has no output ${missing.join(', ')}, only ${found}: ${EXPECTED}`);
}

/** Names of the outputs that a plan reads; no others are asked for. */
export function outputNamesOf(plan: OutputPlan): readonly string[] {
  switch (plan.kind) {
    case 'object-detection':
      return [...OBJECT_DETECTION_OUTPUTS, ...(plan.masks ? [MASK_OUTPUT] : []), ...KEYPOINT_OUTPUTS.slice(0, { none: 0, plain: 1, scored: 2 }[plan.keypoints])];
    case 'boxes':
      return [...new Set([plan.boxes, plan.scores, plan.classes, plan.count].filter((name) => name !== null))];
    case 'yolo':
    case 'classification':
      return [plan.output];
  }
}

function objectDetectionPlan({ outputs }: SignatureDef): OutputPlan {
  for (const name of OBJECT_DETECTION_OUTPUTS) {
    const info = outputs.get(name);
    if (info !== undefined && !isFloatType(info.dtype)) throw new ModelMismatchError(`its output ${describeTensor(name, info)} is not float: ${EXPECTED}`);
  }
  const [points, scores] = KEYPOINT_OUTPUTS;
  return { kind: 'object-detection', masks: outputs.has(MASK_OUTPUT), keypoints: !outputs.has(points) ? 'none' : outputs.has(scores) ? 'scored' : 'plain' };
}

function planOfShape(name: string, { dtype, shape }: TensorInfo): OutputPlan | null {
  if (!isFloatType(dtype) || shape === null) return null;
  if (shape.length === 3 && shape.slice(1).every((size) => size < 0 || size >= MIN_YOLO_CHANNELS)) {
    return { kind: 'yolo', output: name, objectness: null, classCount: null, classOffset: null, nms: DEFAULT_YOLO_NMS };
  }
  if (shape.length === 2) return { kind: 'classification', output: name, topK: DEFAULT_TOP_K, scoreType: null, classOffset: null };
  return null;
}

function mappedPlan(signature: SignatureDef, mapping: OutputMapping): OutputPlan {
  switch (mapping.kind) {
    case 'boxes':
      expectOutput(signature, mapping.boxes, 'boxes', [[-1, -1, 4]]);
      expectOutput(signature, mapping.scores, 'scores', mapping.classes === null ? [[-1, -1], [-1, -1, -1]] : [[-1, -1]]);
      if (mapping.classes !== null) expectOutput(signature, mapping.classes, 'classes', [[-1, -1]]);
      if (mapping.count !== null) expectOutput(signature, mapping.count, 'count', [[-1], [-1, 1]]);
      return mapping;
    case 'yolo':
      return { ...mapping, output: expectOutput(signature, mapping.output ?? onlyOutput(signature), 'output', [[-1, -1, -1]]), nms: mapping.nms ?? DEFAULT_YOLO_NMS };
    case 'classification':
      return { ...mapping, output: expectOutput(signature, mapping.output ?? onlyOutput(signature), 'output', [[-1, -1]]), topK: mapping.topK ?? DEFAULT_TOP_K };
  }
}

function onlyOutput({ outputs }: SignatureDef): string {
  const [only, ...others] = outputs.keys();
  if (only === undefined || others.length > 0) throw new ModelMismatchError(`it has ${String(outputs.size)} outputs (${listNames(outputs.keys())}): expected model.output.output to name one of them`);
  return only;
}

/** @param shapes that fit; -1 stands for any size */
function expectOutput({ outputs }: SignatureDef, name: string, key: string, shapes: readonly (readonly number[])[]): string {
  const info = outputs.get(name);
  if (info === undefined) throw new ModelMismatchError(`it has no output ${name}, only ${listNames(outputs.keys())}: expected the one that model.output.${key} names`);
  const { shape } = info;
  const fits = shape === null || shapes.some((expected) => expected.length === shape.length && expected.every((size, axis) => size < 0 || (shape[axis] ?? -1) < 0 || size === shape[axis]));
  if (!fits || info.dtype === 'string') {
    throw new ModelMismatchError(`its output ${describeTensor(name, info)} does not fit model.output.${key}: expected numbers ${shapes.map(formatShape).join(' or ')}`);
  }
  return name;
}
