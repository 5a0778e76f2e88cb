import type { AttributeMessage, DimensionMessage, GraphMessage, Int64, ModelMessage, TensorMessage, ValueMessage } from './onnx-messages.js';
import { onnxModelType } from './onnx-messages.js';
import { ONNX_DTYPES, type OnnxAttr, type OnnxGraph, type OnnxModel, type OnnxTensor, type OnnxValue } from './onnx-model.js';

/** Numbers of AttributeProto.AttributeType. */
export const ATTRIBUTE_TYPES = { float: 1, int: 2, string: 3, tensor: 4, graph: 5, floats: 6, ints: 7, strings: 8 } as const satisfies Record<OnnxAttr['kind'], number>;

/** Encodes a model as the bytes of an `.onnx` file.
 * @throws {RangeError} for a constant of strings */
export function encodeOnnxModel(model: OnnxModel): Buffer {
  const message: ModelMessage = {
    irVersion: model.irVersion,
    producerName: model.producerName,
    opsetImport: Array.from(model.opsets, ([domain, version]) => ({ domain, version })),
    metadataProps: Array.from(model.metadata, ([key, value]) => ({ key, value })),
    graph: graphMessage(model.graph),
  };
  const bytes = onnxModelType().encode(message).finish();
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function graphMessage(graph: OnnxGraph): GraphMessage {
  return {
    name: graph.name,
    node: graph.nodes.map(({ name, opType, domain, inputs, outputs, attrs }) => ({
      name,
      opType,
      domain,
      input: [...inputs],
      output: [...outputs],
      attribute: Array.from(attrs, ([attrName, attr]) => attributeMessage(attrName, attr)),
    })),
    initializer: graph.initializers.map(tensorMessage),
    input: graph.inputs.map(valueMessage),
    output: graph.outputs.map(valueMessage),
  };
}

function attributeMessage(name: string, attr: OnnxAttr): AttributeMessage {
  const head = { name, type: ATTRIBUTE_TYPES[attr.kind] };
  switch (attr.kind) {
    case 'int':
      return { ...head, i: int64(attr.value) };
    case 'float':
      return { ...head, f: attr.value };
    case 'string':
      return { ...head, s: Buffer.from(attr.value) };
    case 'tensor':
      return { ...head, t: tensorMessage(attr.value) };
    case 'graph':
      return { ...head, g: graphMessage(attr.value) };
    case 'ints':
      return { ...head, ints: attr.values.map(int64) };
    case 'floats':
      return { ...head, floats: [...attr.values] };
    case 'strings':
      return { ...head, strings: attr.values.map((value) => Buffer.from(value)) };
  }
}

function tensorMessage({ name, dtype, shape, data }: OnnxTensor): TensorMessage {
  if (dtype === 'string') throw new RangeError(`Expected constants of numbers, got strings in ${name}`);
  return { name, dims: [...shape], dataType: ONNX_DTYPES[dtype], rawData: data };
}

function valueMessage({ name, dtype, shape }: OnnxValue): ValueMessage {
  const dim = shape?.map((size): DimensionMessage => (size === null ? {} : typeof size === 'string' ? { dimParam: size } : { dimValue: size }));
  return { name, type: { tensorType: { elemType: ONNX_DTYPES[dtype], ...(dim === undefined ? {} : { shape: { dim } }) } } };
}

/** "To the end" is the largest of 64 bits; as a double that is one more, which would become the smallest. */
function int64(value: number): Int64 {
  return value < 2 ** 63 ? value : { low: -1, high: 0x7fffffff, toNumber: () => value };
}
