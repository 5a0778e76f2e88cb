import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../../src/core/errors.js';
import { formatManifest, manifestFromJson, manifestToJson, parseManifest } from '../../../src/model-server/store/manifest-json.js';
import type { BoxesRecipe, ClassificationRecipe, InputRecipe, ObjectDetectionRecipe, Recipe, RowsRecipe, YoloRecipe } from '../../../src/model-server/store/recipe.js';
import type { ServableManifest } from '../../../src/model-server/store/servable-manifest.js';
import type { SignatureDef, TensorInfo } from '../../../src/serving/metadata-messages.js';

const name = fc.stringMatching(/^[a-z][\w/]{0,8}$/u).filter((text) => text !== '__proto__');
const sidePx = fc.integer({ min: 1, max: 4096 });
const size = fc.record({ widthPx: sidePx, heightPx: sidePx });
const nullable = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(value, { nil: null });
const number = fc.float({ min: -1000, max: 1000, noNaN: true }).map((value) => (value === 0 ? 0 : value));
const classIds = fc.array(fc.nat(1_000));
const nms = fc.constantFrom(0.5, 0.7, 1);

const input: fc.Arbitrary<InputRecipe> = fc.record({
  name,
  size,
  layout: fc.constantFrom('nhwc', 'nchw'),
  dtype: fc.constantFrom('float', 'uint8', 'half', 'int32'),
  resize: fc.constantFrom('letterbox', 'stretch', 'none'),
  channels: fc.constantFrom('rgb', 'bgr'),
  mean: fc.tuple(number, number, number),
  deviation: fc.tuple(fc.constantFrom(1, 255, 0.225), fc.constantFrom(1, 127.5), fc.constantFrom(1, -2)),
  batchSize: nullable(fc.integer({ min: 1, max: 64 })),
});
const boxUnits = fc.constantFrom('pixels', 'normalized');
const activation = fc.constantFrom('none', 'sigmoid', 'softmax');
const rows: fc.Arbitrary<RowsRecipe> = fc.record({ kind: fc.constant('rows'), output: name, boxUnits, classIds, nms: nullable(nms) });
const yolo: fc.Arbitrary<YoloRecipe> = fc.record({
  kind: fc.constant('yolo'), output: name, channelsLast: fc.boolean(), objectness: fc.boolean(), boxUnits, classIds, nms: nullable(nms), prototypes: nullable(name), keypoints: nullable(fc.record({ count: fc.integer({ min: 1, max: 200 }), scored: fc.boolean() })),
});
const boxes: fc.Arbitrary<BoxesRecipe> = fc.record({
  kind: fc.constant('boxes'), boxes: name, boxFormat: fc.constantFrom('yxyx', 'xyxy', 'cxcywh'), boxUnits, scores: name, activation, classes: nullable(name), count: nullable(name), background: nullable(fc.nat(100)), classIds, nms: nullable(nms),
});
const classification: fc.Arbitrary<ClassificationRecipe> = fc.record({ kind: fc.constant('classification'), output: name, activation });
const objectDetection: fc.Arbitrary<ObjectDetectionRecipe> = fc.record({ kind: fc.constant('object-detection'), boxes: name, classes: name, scores: name, count: name, masks: nullable(name), keypoints: nullable(fc.record({ points: name, scores: nullable(name) })) });
const recipe: fc.Arbitrary<Recipe> = fc.record({ input, output: fc.oneof(rows, yolo, boxes, objectDetection, classification) });

const tensorInfo: fc.Arbitrary<TensorInfo> = fc.record({ name, dtype: fc.constantFrom('float', 'uint8', 'string'), shape: nullable(fc.array(fc.integer({ min: -1, max: 5_000 }), { maxLength: 5 })) });
const tensors = fc.array(fc.tuple(name, tensorInfo), { maxLength: 5 }).map((entries) => new Map(entries));
const signature: fc.Arbitrary<SignatureDef> = fc.record({ inputs: tensors, outputs: tensors, methodName: name });
const fileName = nullable(fc.constantFrom('model.onnx', 'graph/model.json', 'labels.pbtxt'));
const manifest: fc.Arbitrary<ServableManifest> = fc.record({
  format: fc.constant(1),
  kind: fc.constantFrom('detection', 'classification', 'other'),
  source: fc.record({ name, kind: fc.constantFrom('tfjs', 'frozen-graph', 'onnx', 'saved-model'), sha256: fc.stringMatching(/^[0-9a-f]{64}$/u) }),
  producer: fc.constant('sightline 0.1.0'),
  signature,
  inputSize: nullable(size),
  recipe: nullable(recipe),
  files: fc.record({ onnx: fileName, tfjs: fileName, savedModel: fc.boolean(), labels: fileName }),
});

const [EXAMPLE] = fc.sample(manifest.filter((each) => each.recipe?.output.kind === 'yolo' && each.signature.inputs.size > 0), { numRuns: 1, seed: 7 });

/** The example as JSON data, with one value replaced. */
function changed(path: readonly string[], value: unknown): unknown {
  const data = JSON.parse(formatManifest(EXAMPLE as ServableManifest)) as Record<string, unknown>;
  const target = path.slice(0, -1).reduce((part, key) => part[key] as Record<string, unknown>, data);
  target[path.at(-1) ?? ''] = value;
  return data;
}

function issuesOf(act: () => unknown): readonly string[] {
  try {
    act();
  } catch (error) {
    if (error instanceof ConfigError) return error.issues.map((issue) => `${String(issue.file)} ${issue.path}: ${issue.message}`);
    throw error;
  }
  return [];
}

describe('a manifest as JSON', () => {
  it('is read as what was written', () => {
    fc.assert(fc.property(manifest, (each) => {
      expect(parseManifest(formatManifest(each), 'servable.json')).toEqual(each);
    }));
  });

  it('travels between processes as plain data', () => {
    fc.assert(fc.property(manifest, (each) => {
      expect(manifestFromJson(structuredClone(manifestToJson(each)), 'servable.json')).toEqual(each);
    }));
  });

  it('may hold keys that are not known', () => {
    expect(issuesOf(() => manifestFromJson(changed(['later'], 1), 'm'))).toEqual([]);
  });

  it.each<[string, readonly string[], unknown, string]>([
    ['another format', ['format'], 2, 'm format: expected 1: it was written by a newer sightline, take that one or export the model again'],
    ['an unknown kind', ['kind'], 'audio', 'm kind: expected detection, classification or other'],
    ['a file above the folder', ['files', 'onnx'], '../model.onnx', 'm files.onnx: expected the name of a file inside the folder'],
    ['an absolute file', ['files', 'labels'], '/etc/passwd', 'm files.labels: expected the name of a file inside the folder'],
    ['a file behind dots', ['files', 'tfjs'], 'graph/../../x', 'm files.tfjs: expected the name of a file inside the folder'],
    ['a Windows path', ['files', 'tfjs'], 'C:\\x', 'm files.tfjs: expected the name of a file inside the folder'],
    ['no SHA-256', ['source', 'sha256'], 'abc', 'm source.sha256: expected a SHA-256, 64 hex digits'],
    ['a shape of texts', ['signature', 'inputs', 'x'], { name: 'x', dtype: 'float', shape: ['1'] }, 'm signature.inputs.x.shape.0: expected sizes, -1 where unknown'],
    ['an unknown recipe', ['recipe', 'output', 'kind'], 'poems', 'm recipe.output.kind: expected rows, yolo, boxes, object-detection or classification'],
    ['half of a recipe', ['recipe', 'output'], { kind: 'rows', output: 'x', boxUnits: 'pixels', nms: null }, 'm recipe.output.classIds: expected a list of class ids'],
    ['a deviation of 0', ['recipe', 'input', 'deviation'], [1, 0, 1], 'm recipe.input.deviation.1: expected a deviation other than 0'],
    ['a size beyond all pictures', ['recipe', 'input', 'size', 'widthPx'], 1e9, 'm recipe.input.size.widthPx: expected pixels, whole numbers from 1 to 16384'],
  ])('is refused with %s', (_what, path, value, expected) => {
    expect(issuesOf(() => manifestFromJson(changed(path, value), 'm'))).toEqual([expected]);
  });

  it('is refused with every defect at once', () => {
    expect(issuesOf(() => manifestFromJson({ ...(changed(['kind'], 1) as object), producer: 3 }, 'm'))).toHaveLength(2);
  });

  it.each([['null', 'null'], ['a list', '[]'], ['text', '"x"']])('is refused when it is %s', (_what, text) => {
    expect(issuesOf(() => parseManifest(text, 'm'))).toEqual(['m : expected a mapping: the manifest of a servable']);
  });

  it('is refused when it is cut off', () => {
    expect(issuesOf(() => parseManifest('{"format": 1', 'm'))).toEqual(['m : is not JSON: export the model again with sightline model export']);
  });
});
