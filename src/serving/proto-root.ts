import protobuf from 'protobufjs';
import { ModelOutputError } from '../core/errors.js';
import { PACKAGE_ROOT } from '../core/package-paths.js';

const ENTRY_FILES = [
  'tensorflow_serving/apis/prediction_service.proto',
  'tensorflow_serving/apis/model_service.proto',
  'tensorflow/core/protobuf/saved_model.proto',
  'grpc/health/v1/health.proto',
];

/** How one message type travels. */
export type Codec<T> = {
  encode(message: T): Buffer;
  /** @throws {ModelOutputError} when the bytes are not such a message */
  decode(bytes: Uint8Array): T;
};

/** The interface definitions never change while a process runs: parsed on first use (about 30 ms), then kept. */
let loadedRoot: protobuf.Root | null = null;
/** Message types by full name: looking one up by its path takes longer than encoding a small message. */
const types = new Map<string, protobuf.Type>();

/** Encodes a plain object (camelCase fields, maps as objects) as the message type of that full name. */
export function encodeMessage(typeName: string, message: object): Buffer {
  const bytes = messageType(typeName).encode(message).finish();
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Decodes bytes as the message type of that full name. Byte fields are views of `bytes`, absent fields read as their defaults.
 * @throws {ModelOutputError} when the bytes are not such a message */
export function decodeMessage<T>(typeName: string, bytes: Uint8Array): T {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const type = messageType(typeName);
  try {
    return type.decode(buffer) as unknown as T;
  } catch (error) {
    throw new ModelOutputError(`not a ${typeName}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

function messageType(typeName: string): protobuf.Type {
  const known = types.get(typeName);
  if (known !== undefined) return known;
  const type = protoRoot().lookupType(typeName);
  types.set(typeName, type);
  return type;
}

function protoRoot(): protobuf.Root {
  if (loadedRoot !== null) return loadedRoot;
  const root = new protobuf.Root();
  root.resolvePath = (_origin, target) => (target.startsWith('google/protobuf/') ? target : `${PACKAGE_ROOT}protos/${target}`);
  root.loadSync(ENTRY_FILES);
  root.resolveAll();
  loadedRoot = root;
  return root;
}
