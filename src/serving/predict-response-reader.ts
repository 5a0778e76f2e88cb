import { ModelOutputError } from '../core/errors.js';
import { fromModelSpecProto, type ModelSpec, type ModelSpecProto } from './model-spec.js';
import { decodeMessage } from './proto-root.js';
import type { TensorProto } from './tensor-codec.js';
import { readTensorProto } from './tensor-reader.js';
import { WireReader, WireType } from './wire-reader.js';

/** Numbers of PredictResponse's fields, and of a map's entry. */
const OUTPUTS = 1;
const MODEL_SPEC = 2;
const KEY = 1;
const VALUE = 2;
/** A model has a handful of outputs, and its name is a line. */
const MAX_OUTPUTS = 1_000;
const MAX_SPEC_BYTES = 64 * 1024;
/** Names stand in messages of one line. */
const NO_NAME = /[\p{Cc}\p{Zl}\p{Zp}]/u;

export type PredictResponse = { readonly modelSpec: ModelSpec | null; readonly outputs: ReadonlyMap<string, TensorProto> };

/** Reads a PredictResponse with bounded memory: protobufjs makes an array of JavaScript numbers of every tensor, eight times as large as a message of small ones.
 * @throws {ModelOutputError} when the bytes are no such message */
export function readPredictResponse(bytes: Uint8Array): PredictResponse {
  const reader = new WireReader(bytes);
  const outputs = new Map<string, TensorProto>();
  const specs: Uint8Array[] = [];
  let specBytes = 0;
  while (reader.next()) {
    if (reader.wireType !== WireType.DELIMITED || (reader.field !== OUTPUTS && reader.field !== MODEL_SPEC)) {
      reader.skip();
    } else if (reader.field === MODEL_SPEC) {
      const spec = reader.delimited();
      specs.push(spec);
      specBytes += spec.length + 1;
      if (specBytes > MAX_SPEC_BYTES) throw new ModelOutputError('its model_spec is too large');
    } else {
      const [name, tensor] = readOutput(reader.delimited());
      outputs.set(name, tensor);
      if (outputs.size > MAX_OUTPUTS) throw new ModelOutputError(`it has more than ${String(MAX_OUTPUTS)} outputs`);
    }
  }
  // A message in parts is their concatenation.
  const modelSpec = specs.length === 0 ? null : fromModelSpecProto(decodeMessage<ModelSpecProto>('tensorflow.serving.ModelSpec', Buffer.concat(specs)));
  return { modelSpec, outputs };
}

/** Of a key or a value that comes twice the last one counts. */
function readOutput(entry: Uint8Array): [string, TensorProto] {
  const reader = new WireReader(entry);
  let name = '';
  let tensor: Uint8Array = new Uint8Array(0);
  while (reader.next()) {
    if (reader.wireType !== WireType.DELIMITED || (reader.field !== KEY && reader.field !== VALUE)) {
      reader.skip();
    } else if (reader.field === KEY) {
      name = Buffer.from(reader.delimited()).toString('utf8');
    } else tensor = reader.delimited();
  }
  if (NO_NAME.test(name)) throw new ModelOutputError('the name of an output holds control characters');
  return [name, readTensorProto(tensor)];
}
