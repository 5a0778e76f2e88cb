import { ConfigError } from '../../../core/errors.js';
import type { SignatureDef, TensorInfo } from '../../../serving/metadata-messages.js';
import { MAX_DETECTIONS, type OutputRecipe, type Recipe } from '../../store/recipe.js';
import type { TfEndpoint, TfGraph } from '../graph/tf-graph.js';
import { addBatchLoop } from './add-batch-loop.js';
import { addCandidates, type GraphOutputs } from './add-candidates.js';
import { addDetections } from './add-detections.js';
import { addPreprocessing, type PicturePlace } from './add-preprocessing.js';
import { addProbabilities } from './add-probabilities.js';
import { adoptDetections } from './adopt-detections.js';
import { shapeAttr, typeAttr } from './attr-values.js';
import { copyGraph } from './copy-graph.js';
import { GraphDefBuilder, type NodeDefProto, type TfValue } from './graph-def-builder.js';
import { TfOperators } from './tf-operators.js';

/** Name of the one input, in the signature and in the graph, as the Object Detection API's exporter has them. */
const INPUT_NAME = 'inputs';
const INPUT_NODE = 'image_tensor';
const PICTURES_SHAPE = [-1, -1, -1, 3];
/** Before the names of the model's own nodes. */
const PREFIX = 'model/';

/** Makes a graph complete: pictures of any size and number go in, the answer comes out, both as `signature` says.
 * @throws {ConfigError} when TensorFlow could not run the graph, or the recipe is one that is only there for ONNX */
export function composeGraphDef(source: TfGraph, recipe: Recipe): { readonly nodes: readonly NodeDefProto[]; readonly signature: SignatureDef } {
  const graph = new GraphDefBuilder();
  const tf = new TfOperators(graph);
  const pictures: TfValue = { ref: graph.add('Placeholder', [], { dtype: typeAttr('uint8'), shape: shapeAttr(PICTURES_SHAPE) }, INPUT_NODE), dtype: 'uint8' };
  const { input, place } = addPreprocessing(tf, pictures, recipe.input);
  const named = addAnswer(tf, addModel(tf, source, recipe, input), place, recipe.output);
  const outputs = new Map(
    named.map(({ name, value, shape }): [string, TensorInfo] => [name, { name: `${tf.node('Identity', [value], { T: typeAttr('float') }, 'float', name).ref}:0`, dtype: 'float', shape }]),
  );
  const inputs = new Map([[INPUT_NAME, { name: `${INPUT_NODE}:0`, dtype: 'uint8', shape: PICTURES_SHAPE }]]);
  return { nodes: graph.nodes, signature: { inputs, outputs, methodName: 'tensorflow/serving/predict' } };
}

/** Adds the graph itself, in a loop when it takes a certain number of pictures only. */
function addModel(tf: TfOperators, source: TfGraph, recipe: Recipe, input: TfValue): GraphOutputs {
  const { batchSize } = recipe.input;
  const fed = endpoint(source.inputs, recipe.input.name, 'input');
  const endpoints = outputsOf(recipe.output).map((name) => endpoint(source.outputs, name, 'output'));
  const copy = (batch: TfValue): TfValue[] => {
    const ports = endpoints.map(({ port }) => port);
    return copyGraph(source, ports, new Map([[fed.port.node, batch.ref]]), tf.graph, PREFIX).map((ref, at) => ({ ref, dtype: endpoints[at]?.dtype ?? 'float' }));
  };
  const values = batchSize === null ? copy(input) : addBatchLoop(tf, input, batchSize, endpoints, copy);
  return new Map(endpoints.map(({ name }, at) => [name, values[at] as TfValue]));
}

type NamedOutput = { readonly name: string; readonly value: TfValue; readonly shape: readonly number[] };

function addAnswer(tf: TfOperators, outputs: GraphOutputs, place: PicturePlace, recipe: OutputRecipe): NamedOutput[] {
  if (recipe.kind === 'classification') return [{ name: 'probabilities', value: addProbabilities(tf, outputs, recipe), shape: [-1, -1] }];
  const further = { masks: null, keypoints: null, keypointScores: null };
  const answer = recipe.kind === 'object-detection' ? adoptDetections(tf, outputs, place, recipe) : { ...further, ...addDetections(tf, addCandidates(tf, outputs, recipe), place, recipe.classIds, recipe.nms) };
  const named: (Omit<NamedOutput, 'value'> & { readonly value: TfValue | null })[] = [
    { name: 'detection_boxes', value: answer.boxes, shape: [-1, MAX_DETECTIONS, 4] },
    { name: 'detection_classes', value: answer.classes, shape: [-1, MAX_DETECTIONS] },
    { name: 'detection_scores', value: answer.scores, shape: [-1, MAX_DETECTIONS] },
    { name: 'num_detections', value: answer.count, shape: [-1] },
    { name: 'detection_masks', value: answer.masks, shape: [-1, MAX_DETECTIONS, -1, -1] },
    { name: 'detection_keypoints', value: answer.keypoints, shape: [-1, MAX_DETECTIONS, -1, 2] },
    { name: 'detection_keypoint_scores', value: answer.keypointScores, shape: [-1, MAX_DETECTIONS, -1] },
  ];
  return named.flatMap(({ name, value, shape }) => (value === null ? [] : [{ name, value, shape }]));
}

/** Names of the graph's outputs that a recipe needs.
 * @throws {ConfigError} for masks and keypoints of YOLO heads: they need to know which rows the suppression kept, and TensorFlow's operator for batches does not tell */
function outputsOf(recipe: OutputRecipe): string[] {
  switch (recipe.kind) {
    case 'boxes':
      return [...new Set([recipe.boxes, recipe.scores, ...present(recipe.classes, recipe.count)])];
    case 'object-detection':
      return [...new Set([recipe.boxes, recipe.classes, recipe.scores, recipe.count, ...present(recipe.masks, recipe.keypoints?.points, recipe.keypoints?.scores)])];
    case 'yolo':
      if (recipe.prototypes !== null || recipe.keypoints !== null) throw refusal('masks and keypoints of YOLO models are not supported there');
      return [recipe.output];
    case 'rows':
    case 'classification':
      return [recipe.output];
  }
}

function present(...names: (string | null | undefined)[]): string[] {
  return names.filter((name) => name !== null && name !== undefined);
}

function endpoint(endpoints: readonly TfEndpoint[], name: string, what: 'input' | 'output'): TfEndpoint {
  const found = endpoints.find((candidate) => candidate.name === name);
  if (found === undefined) throw refusal(`the graph has no ${what} ${name}, only ${endpoints.map((candidate) => candidate.name).join(', ')}`);
  return found;
}

function refusal(message: string): ConfigError {
  return new ConfigError([{ file: null, path: '', message: `cannot be written as a SavedModel: ${message}` }]);
}
