import { ConfigError } from '../../../core/errors.js';
import { decodeOnnxTensor } from './decode-onnx-tensor.js';
import { ATTRIBUTE_TYPES } from './encode-onnx.js';
import { onnxModelType, type AttributeMessage, type GraphMessage, type Int64, type ModelMessage, type NodeMessage, type ValueMessage } from './onnx-messages.js';
import { ONNX_DTYPES, type OnnxAttr, type OnnxDType, type OnnxGraph, type OnnxModel, type OnnxNode, type OnnxValue } from './onnx-model.js';

export { encodeOnnxModel } from './encode-onnx.js';

/** Graphs inside graphs (branches, loops) that are read. */
const MAX_DEPTH = 16;

/** Decodes the bytes of an `.onnx` file. Constants are views of `bytes` where they lie there as they are.
 * @param what name of the file, for messages
 * @throws {ConfigError} when the bytes are not a model, or it has what is not supported: constants in other files, sparse constants, functions, attributes of types, lists of tensors or graphs */
export function decodeOnnxModel(bytes: Uint8Array, what: string): OnnxModel {
  const message = decodeMessage(bytes, what);
  if (message.graph == null) throw problem(what, '', 'it has no graph: expected an ONNX model');
  const [called] = message.functions ?? [];
  if (called !== undefined) throw problem(what, 'functions', `functions (${String(called.name)}) are not supported: export the model with them inlined`);
  // `ai.onnx` and '' are one and the same set.
  const opsets = new Map((message.opsetImport ?? []).map(({ domain, version }) => [normalDomain(domain), toNumber(version)]));
  if (opsets.size === 0) throw problem(what, 'opset_import', 'it names no operator set: expected an ONNX model');
  return {
    irVersion: toNumber(message.irVersion),
    producerName: message.producerName ?? '',
    opsets,
    graph: readGraph(message.graph, { what, path: 'graph', depth: 0 }),
    metadata: new Map((message.metadataProps ?? []).map(({ key, value }) => [key ?? '', value ?? ''])),
  };
}

/** Where a message stands. */
type Place = { readonly what: string; readonly path: string; readonly depth: number };

function decodeMessage(bytes: Uint8Array, what: string): ModelMessage {
  try {
    return onnxModelType().decode(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)) as unknown as ModelMessage;
  } catch (error) {
    throw problem(what, '', `not an ONNX model (${error instanceof Error ? error.message : String(error)})`);
  }
}

function readGraph(graph: GraphMessage, place: Place): OnnxGraph {
  if (place.depth > MAX_DEPTH) throw problem(place.what, place.path, `graphs inside graphs, more than ${MAX_DEPTH} deep`);
  if ((graph.sparseInitializer ?? []).length > 0) throw problem(place.what, `${place.path}.sparse_initializer`, 'sparse constants are not supported: export the model with dense ones');
  return {
    name: graph.name ?? '',
    nodes: (graph.node ?? []).map((node, index) => readNode(node, { ...place, path: `${place.path}.node[${index}]` })),
    initializers: (graph.initializer ?? []).map((tensor) => decodeOnnxTensor(tensor, place.what, `${place.path}.initializer`)),
    inputs: (graph.input ?? []).map((value) => readValue(value, { ...place, path: `${place.path}.input` })),
    outputs: (graph.output ?? []).map((value) => readValue(value, { ...place, path: `${place.path}.output` })),
  };
}

function readNode(node: NodeMessage, place: Place): OnnxNode {
  const opType = node.opType ?? '';
  if (opType === '') throw problem(place.what, place.path, 'it names no operator');
  const path = `${place.path} (${opType})`;
  return {
    name: node.name ?? '',
    opType,
    domain: normalDomain(node.domain),
    inputs: node.input ?? [],
    outputs: node.output ?? [],
    attrs: new Map((node.attribute ?? []).map((attr) => [attr.name ?? '', readAttribute(attr, { ...place, path: `${path}.${attr.name ?? ''}` })])),
  };
}

function readAttribute(attr: AttributeMessage, place: Place): OnnxAttr {
  if ((attr.refAttrName ?? '') !== '') throw problem(place.what, place.path, 'an attribute of a function outside of one');
  switch (attr.type ?? 0) {
    case ATTRIBUTE_TYPES.int:
      return { kind: 'int', value: toNumber(attr.i) };
    case ATTRIBUTE_TYPES.float:
      return { kind: 'float', value: attr.f ?? 0 };
    case ATTRIBUTE_TYPES.string:
      return { kind: 'string', value: text(attr.s) };
    case ATTRIBUTE_TYPES.ints:
      return { kind: 'ints', values: (attr.ints ?? []).map(toNumber) };
    case ATTRIBUTE_TYPES.floats:
      return { kind: 'floats', values: attr.floats ?? [] };
    case ATTRIBUTE_TYPES.strings:
      return { kind: 'strings', values: (attr.strings ?? []).map(text) };
    case ATTRIBUTE_TYPES.tensor:
      if (attr.t == null) throw problem(place.what, place.path, 'expected a tensor');
      return { kind: 'tensor', value: decodeOnnxTensor(attr.t, place.what, place.path) };
    case ATTRIBUTE_TYPES.graph:
      if (attr.g == null) throw problem(place.what, place.path, 'expected a graph');
      return { kind: 'graph', value: readGraph(attr.g, { ...place, depth: place.depth + 1 }) };
    default:
      throw problem(place.what, place.path, `attributes of type ${String(attr.type ?? 0)} are not supported`);
  }
}

function readValue(value: ValueMessage, place: Place): OnnxValue {
  const name = value.name ?? '';
  const tensor = value.type?.tensorType;
  const dtype = DTYPES.get(tensor?.elemType ?? 0);
  if (dtype === undefined) throw problem(place.what, `${place.path} ${name}`, `expected a tensor of a known element type, got type ${String(tensor?.elemType ?? 'that is no tensor')}`);
  const shape = tensor?.shape?.dim?.map((dimension) => {
    if (dimension.dimParam !== undefined && dimension.dimParam !== '') return dimension.dimParam;
    // An absent size reads as 0.
    const size = Object.hasOwn(dimension, 'dimValue') ? toNumber(dimension.dimValue) : -1;
    return size < 0 ? null : size;
  });
  // A shape without axes has no `dim`: a scalar. No shape at all: anything.
  return { name, dtype, shape: shape ?? (tensor?.shape == null ? null : []) };
}

const DTYPES: ReadonlyMap<number, OnnxDType> = new Map(Object.entries(ONNX_DTYPES).map(([name, number]) => [number, name as OnnxDType]));

function normalDomain(domain: string | undefined): string {
  return domain === undefined || domain === 'ai.onnx' ? '' : domain;
}

function text(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? '' : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}

function toNumber(value: Int64 | undefined): number {
  return value === undefined ? 0 : typeof value === 'number' ? value : value.toNumber();
}

function problem(file: string, path: string, message: string): ConfigError {
  return new ConfigError([{ file, path, message }]);
}
