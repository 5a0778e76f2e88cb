import protobuf from 'protobufjs';
import { PACKAGE_ROOT } from '../../../core/package-paths.js';
import type { Int64Like, TensorProto, TensorShapeProto } from '../../../serving/tensor-codec.js';

/** Messages of TensorFlow's graphs as protobufjs hands them over: absent fields read as their defaults. */
export type GraphDefMessage = { readonly node?: readonly NodeDefMessage[] };
export type NodeDefMessage = { readonly name?: string; readonly op?: string; readonly input?: readonly string[]; readonly attr?: Readonly<Record<string, AttrValueMessage>> };
/** One of the fields is the object's own. */
export type AttrValueMessage = {
  readonly list?: ListMessage | null;
  readonly s?: Uint8Array;
  readonly i?: Int64Like;
  readonly f?: number;
  readonly b?: boolean;
  readonly type?: number;
  readonly shape?: TensorShapeProto | null;
  readonly tensor?: TensorProto | null;
  readonly func?: FunctionNameMessage | null;
};
export type FunctionNameMessage = { readonly name?: string; readonly attr?: Readonly<Record<string, AttrValueMessage>> };
export type ListMessage = {
  readonly s?: readonly Uint8Array[];
  readonly i?: readonly Int64Like[];
  readonly f?: readonly number[];
  readonly b?: readonly boolean[];
  readonly type?: readonly number[];
  readonly shape?: readonly TensorShapeProto[];
  readonly tensor?: readonly TensorProto[];
  readonly func?: readonly FunctionNameMessage[];
};

/** Parsed on first use, then kept: it never changes while a process runs. */
let graphDef: protobuf.Type | null = null;

/** @returns the type `tensorflow.GraphDef` */
export function graphDefType(): protobuf.Type {
  if (graphDef !== null) return graphDef;
  const root = new protobuf.Root();
  root.resolvePath = (_origin, target) => `${PACKAGE_ROOT}protos/${target}`;
  root.loadSync('tensorflow/core/framework/graph.proto');
  root.resolveAll();
  graphDef = root.lookupType('tensorflow.GraphDef');
  return graphDef;
}
