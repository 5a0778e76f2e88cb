import protobuf from 'protobufjs';
import { PACKAGE_ROOT } from '../../../core/package-paths.js';

/** A 64-bit integer as protobufjs reads it. */
export type Int64 = number | { toNumber(): number; readonly low: number; readonly high: number };

/** Messages of protos/onnx/onnx.proto as protobufjs hands them over and takes them: absent fields are absent or defaults. */
export type ModelMessage = {
  irVersion?: Int64;
  producerName?: string;
  graph?: GraphMessage | null;
  opsetImport?: { domain?: string; version?: Int64 }[];
  metadataProps?: { key?: string; value?: string }[];
  functions?: { name?: string; domain?: string }[];
};
export type GraphMessage = {
  name?: string;
  node?: NodeMessage[];
  initializer?: TensorMessage[];
  input?: ValueMessage[];
  output?: ValueMessage[];
  sparseInitializer?: object[];
};
export type NodeMessage = { name?: string; opType?: string; domain?: string; input?: string[]; output?: string[]; attribute?: AttributeMessage[] };
export type AttributeMessage = {
  name?: string;
  type?: number;
  f?: number;
  i?: Int64;
  s?: Uint8Array;
  t?: TensorMessage | null;
  g?: GraphMessage | null;
  floats?: number[];
  ints?: Int64[];
  strings?: Uint8Array[];
  refAttrName?: string;
};
export type TensorMessage = {
  name?: string;
  dims?: Int64[];
  dataType?: number;
  floatData?: number[];
  int32Data?: number[];
  stringData?: Uint8Array[];
  int64Data?: Int64[];
  rawData?: Uint8Array;
  doubleData?: number[];
  uint64Data?: Int64[];
  externalData?: object[];
  dataLocation?: number;
};
export type DimensionMessage = { dimValue?: Int64; dimParam?: string };
export type ValueMessage = { name?: string; type?: { tensorType?: { elemType?: number; shape?: { dim?: DimensionMessage[] } | null } | null } | null };

/** Parsed on first use, then kept: it never changes while a process runs. */
let modelType: protobuf.Type | null = null;

/** @returns the type `onnx.ModelProto` */
export function onnxModelType(): protobuf.Type {
  if (modelType !== null) return modelType;
  const root = new protobuf.Root();
  root.loadSync(`${PACKAGE_ROOT}protos/onnx/onnx.proto`);
  root.resolveAll();
  modelType = root.lookupType('onnx.ModelProto');
  return modelType;
}
