import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { COCO_IDS } from '../../../../src/core/coco-ids.js';
import { ConfigError } from '../../../../src/core/errors.js';
import { readTfjsGraph } from '../../../../src/model-server/export/graph/read-tfjs-graph.js';
import type { TfAttr, TfGraph, TfNode } from '../../../../src/model-server/export/graph/tf-graph.js';
import { readSavedModelSignatures } from '../../../../src/model-server/export/saved-model/read-signatures.js';
import { writeSavedModel } from '../../../../src/model-server/export/saved-model/write-saved-model.js';
import type { InputRecipe, OutputRecipe, Recipe } from '../../../../src/model-server/store/recipe.js';
import { SERVED_SIGNATURE } from '../../../../src/model-server/served-signature.js';
import { decodeMessage } from '../../../../src/serving/proto-root.js';
import { cannedGraph } from '../../../fixtures/graphs/canned-graph.js';
import { fusedCases, fusedGraph } from '../../../fixtures/graphs/fused-graph.js';
import { TENSORFLOW_OPERATORS } from '../../../fixtures/graphs/tensorflow-operators.js';

type NodeMessage = { name: string; op: string; input: string[]; attr: Record<string, Record<string, unknown>> };
type SavedModelMessage = {
  savedModelSchemaVersion: { toString(): string };
  metaGraphs: { metaInfoDef: { tags: string[]; tensorflowVersion: string }; graphDef: { node: NodeMessage[]; versions: { producer: number } }; signatureDef: Record<string, { methodName: string }> }[];
};

const MODEL = join(dirname(createRequire(import.meta.url).resolve('@vladmandic/human')), '../models/centernet.json');
const INPUT: InputRecipe = { name: 'image', size: { widthPx: 16, heightPx: 8 }, layout: 'nhwc', dtype: 'float', resize: 'letterbox', channels: 'rgb', mean: [1, 2, 3], deviation: [4, 5, 6], batchSize: 2 };
const CLASSES: OutputRecipe = { kind: 'classification', output: 'out', activation: 'softmax' };
const YOLO: OutputRecipe = { kind: 'yolo', output: 'out', channelsLast: false, objectness: true, boxUnits: 'pixels', classIds: [1, 2], nms: 0.5, prototypes: null, keypoints: null };

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sightline-saved-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('the SavedModel of the default model', () => {
  let written: SavedModelMessage;
  beforeAll(async () => {
    const output: OutputRecipe = { kind: 'rows', output: 'tower_0/detections', boxUnits: 'pixels', classIds: COCO_IDS, nms: 0.6 };
    const signature = await writeSavedModel(await readTfjsGraph(MODEL), { input: { ...INPUT, name: 'tower_0/images', size: { widthPx: 512, heightPx: 512 }, batchSize: 1 }, output }, join(folder, 'default'));
    expect(signature).toEqual(SERVED_SIGNATURE);
    written = await read(join(folder, 'default'));
  });

  it('is one graph for serving, with one signature', () => {
    expect(String(written.savedModelSchemaVersion)).toBe('1');
    expect(written.metaGraphs.map(({ metaInfoDef, signatureDef }) => ({ tags: metaInfoDef.tags, signatures: Object.entries(signatureDef).map(([name, { methodName }]) => [name, methodName]) }))).toEqual([
      { tags: ['serve'], signatures: [['serving_default', 'tensorflow/serving/predict']] },
    ]);
    expect(written.metaGraphs[0]?.metaInfoDef.tensorflowVersion).toMatch(/^2\.\d+\.\d+$/);
  });

  it('is a graph that TensorFlow takes, without an operator of TensorFlow.js', () => {
    expect(faults(nodesOf(written))).toEqual([]);
  });

  it('has what its signature names', async () => {
    const signature = (await readSavedModelSignatures(join(folder, 'default'))).get('serving_default');
    const nodes = new Set(nodesOf(written).map(({ name }) => `${name}:0`));
    const named = [...(signature?.inputs.values() ?? []), ...(signature?.outputs.values() ?? [])].map(({ name }) => name);
    expect(named).toHaveLength(5);
    expect(named.filter((name) => !nodes.has(name))).toEqual([]);
  });

  it('computes every constant of the loop in the loop', () => {
    const constants = nodesOf(written).filter(({ op, name }) => op === 'Const' && name.startsWith('model/'));
    expect(constants.length).toBeGreaterThan(250);
    expect(constants.filter(({ input }) => input.length !== 1 || input[0]?.startsWith('^') !== true)).toEqual([]);
  });
});

describe('SavedModels of all recipes', () => {
  const out = { name: 'out', shape: [7, 4], values: Array<number>(28).fill(0.5) };
  test.each<{ title: string; recipe: Recipe; outputs?: typeof out[] }>([
    { title: 'a classifier', recipe: { input: INPUT, output: CLASSES } },
    { title: 'any number at once', recipe: { input: { ...INPUT, batchSize: null, channels: 'bgr' }, output: CLASSES } },
    { title: 'stretched', recipe: { input: { ...INPUT, resize: 'stretch' }, output: YOLO } },
    { title: 'as they are', recipe: { input: { ...INPUT, resize: 'none' }, output: YOLO } },
    { title: 'bytes', recipe: { input: { ...INPUT, dtype: 'uint8' }, output: YOLO } },
    { title: 'halves', recipe: { input: { ...INPUT, dtype: 'half' }, output: YOLO } },
    { title: 'boxes', recipe: { input: INPUT, output: { kind: 'boxes', boxes: 'out', boxFormat: 'cxcywh', boxUnits: 'normalized', scores: 'out', activation: 'sigmoid', classes: null, count: 'out', background: 1, classIds: [1, 2], nms: null } } },
    { title: 'the Object Detection API', recipe: { input: INPUT, output: { kind: 'object-detection', boxes: 'out', classes: 'out', scores: 'out', count: 'out', masks: 'out', keypoints: { points: 'out', scores: 'out' } } } },
  ])('$title: a graph that TensorFlow takes', async ({ title, recipe }) => {
    const own = join(folder, title);
    const signature = await writeSavedModel(cannedGraph(recipe.input.batchSize, [8, 16, 3], [out]), recipe, own);
    const nodes = nodesOf(await read(own));
    expect(faults(nodes)).toEqual([]);
    expect([...signature.outputs.values()].map(({ name }) => name).filter((name) => !nodes.some((node) => `${node.name}:0` === name))).toEqual([]);
  });

  it('takes apart what the converter fused, under the old name', async () => {
    for (const fused of fusedCases()) {
      await writeSavedModel(fusedGraph(fused), { input: { ...INPUT, batchSize: null }, output: CLASSES }, join(folder, 'fused'));
      const nodes = nodesOf(await read(join(folder, 'fused')));
      expect(faults(nodes), fused.title).toEqual([]);
      expect(nodes.some(({ name }) => name === 'model/out'), fused.title).toBe(true);
    }
  });

  it('gives constants the type that their readers expect: TensorFlow.js keeps 64-bit integers as 32-bit ones', async () => {
    const graph = withNodes(cannedGraph(null, [8, 16, 3], [out]), [
      { name: 'extra', op: 'Const', inputs: [], attrs: attrs({ dtype: { kind: 'type', value: 'int64' }, value: { kind: 'tensor', value: { dtype: 'int32', shape: [3], data: Int32Array.of(-1, 7, 4) } } }) },
      { name: 'out2', op: 'Reshape', inputs: [{ node: 'out', index: 0 }, { node: 'extra', index: 0 }], attrs: attrs({ T: { kind: 'type', value: 'float' }, Tshape: { kind: 'type', value: 'int64' }, _class: { kind: 'string', value: 'loc:@gone' } }) },
    ], 'out2');
    await writeSavedModel(graph, { input: { ...INPUT, batchSize: null }, output: { ...CLASSES, output: 'out2' } }, join(folder, 'wide'));
    const nodes = nodesOf(await read(join(folder, 'wide')));
    const constant = nodes.find(({ name }) => name === 'model/extra')?.attr;
    expect(constant?.['dtype']).toMatchObject({ type: 9 });
    expect((constant?.['value']?.['tensor'] as { tensorContent: Buffer }).tensorContent.readBigInt64LE(0)).toBe(-1n);
    expect(Object.keys(nodes.find(({ name }) => name === 'model/out2')?.attr ?? {})).toEqual(['T', 'Tshape']);
  });
});

describe('what cannot be a SavedModel', () => {
  const out = { name: 'out', shape: [7, 4], values: Array<number>(28).fill(0.5) };
  const graph = cannedGraph(2, [8, 16, 3], [out]);
  test.each<{ title: string; graph: TfGraph; recipe: Recipe; messages: string[] }>([
    { title: 'masks of YOLO', graph, recipe: { input: INPUT, output: { ...YOLO, prototypes: 'out' } }, messages: ['masks and keypoints of YOLO models are not supported there'] },
    { title: 'an output that is not there', graph, recipe: { input: INPUT, output: { ...YOLO, output: 'gone' } }, messages: ['the graph has no output gone, only out'] },
    { title: 'an input that is not there', graph, recipe: { input: { ...INPUT, name: 'gone' }, output: YOLO }, messages: ['the graph has no input gone, only image'] },
    {
      title: 'loops and a second input',
      graph: withNodes(graph, [node('other', 'Placeholder', []), node('turn', 'Enter', ['other']), node('all', 'AddN', ['out', 'turn'])], 'all'),
      recipe: { input: INPUT, output: { ...YOLO, output: 'all' } },
      messages: ['1 of its nodes are loops or branches, such as turn (Enter)', 'it has a second input, other'],
    },
    {
      title: 'functions',
      graph: withNodes(graph, [{ ...node('all', 'PartitionedCall', ['out']), attrs: attrs({ f: { kind: 'function', name: 'body', attrs: new Map() } }) }], 'all'),
      recipe: { input: INPUT, output: { ...YOLO, output: 'all' } },
      messages: ['it calls functions, at the node all (PartitionedCall)'],
    },
    {
      title: 'a fused operator of an unknown kind',
      graph: fusedGraph({ title: '', op: '_FusedMatMul', fusedOps: ['BiasAdd', 'Swirl'], constants: [{ shape: [3, 1], values: [1, 1, 1] }, { shape: [1], values: [0] }], expected: [] }),
      recipe: { input: { ...INPUT, batchSize: null }, output: CLASSES },
      messages: ['Swirl in the node out (_FusedMatMul)'],
    },
    {
      title: 'a fused operator without its bias',
      graph: fusedGraph({ title: '', op: '_FusedMatMul', fusedOps: ['BiasAdd'], constants: [{ shape: [3, 1], values: [1, 1, 1] }], expected: [] }),
      recipe: { input: { ...INPUT, batchSize: null }, output: CLASSES },
      messages: ['BiasAdd without its inputs in the node out (_FusedMatMul)'],
    },
  ])('$title: says so, and writes nothing', async ({ graph: source, recipe, messages }) => {
    const own = join(folder, 'refused');
    const refusal: unknown = await writeSavedModel(source, recipe, own).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(ConfigError);
    expect((refusal as ConfigError).issues.map(({ message }) => message)).toEqual(messages.map((message) => `cannot be written as a SavedModel: ${message}`));
    await expect(readFile(join(own, 'saved_model.pb'))).rejects.toThrow('ENOENT');
  });
});

async function read(path: string): Promise<SavedModelMessage> {
  return decodeMessage<SavedModelMessage>('tensorflow.SavedModel', await readFile(join(path, 'saved_model.pb')));
}

function nodesOf({ metaGraphs }: SavedModelMessage): NodeMessage[] {
  return metaGraphs[0]?.graphDef.node ?? [];
}

/** What TensorFlow would refuse: names that are none or taken, inputs that do not exist, operators and attributes that it does not know, attributes that are missing. */
function faults(nodes: readonly NodeMessage[]): string[] {
  const byName = new Map(nodes.map((one) => [one.name, one]));
  const found = byName.size < nodes.length ? ['two nodes have one name'] : [];
  for (const { name, op, input, attr } of nodes) {
    const known = TENSORFLOW_OPERATORS[op];
    if (!/^[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*$/.test(name)) found.push(`${name} is no name`);
    if (known === undefined) {
      found.push(`${name}: unknown operator ${op}`);
      continue;
    }
    const data = input.filter((one) => !one.startsWith('^'));
    const count = Number((attr['N']?.['i'] as { toString(): string } | undefined)?.toString() ?? NaN) + (op === 'ConcatV2' ? 1 : 0);
    if (data.length !== (known.inputs ?? count)) found.push(`${name} (${op}) has ${String(data.length)} inputs`);
    for (const one of input) {
      const [source = '', index = '0'] = one.replace(/^\^/, '').split(':');
      const outputs = TENSORFLOW_OPERATORS[byName.get(source)?.op ?? '']?.outputs ?? 0;
      if (!(Number(index) < outputs)) found.push(`${name} (${op}) reads ${one}, which does not exist`);
    }
    for (const required of known.required) if (attr[required] === undefined) found.push(`${name} (${op}) has no ${required}`);
    for (const given of Object.keys(attr)) if (![...known.required, ...known.optional].includes(given)) found.push(`${name} (${op}) has ${given}, which is unknown`);
  }
  return found;
}

function attrs(values: Readonly<Record<string, TfAttr>>): Map<string, TfAttr> {
  return new Map(Object.entries(values));
}

function node(name: string, op: string, inputs: readonly string[]): TfNode {
  return { name, op, inputs: inputs.map((input) => ({ node: input, index: 0 })), attrs: new Map() };
}

/** The graph with more nodes, and an output of the last. */
function withNodes(graph: TfGraph, nodes: readonly TfNode[], output: string): TfGraph {
  return { ...graph, nodes: new Map([...graph.nodes, ...nodes.map((one): [string, TfNode] => [one.name, one])]), outputs: [{ name: output, port: { node: output, index: 0 }, dtype: 'float', shape: null }] };
}
