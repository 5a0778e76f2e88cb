import { open, stat, type FileHandle } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { ConfigError } from '../../core/errors.js';
import { readFailure } from '../store/store-problem.js';

/** What a model to export is, and the file (of a SavedModel: the folder) to read. */
export type ModelSource = { readonly kind: 'tfjs' | 'frozen-graph' | 'onnx' | 'saved-model'; readonly path: string };

/** Files of the frameworks that models come from, and how each of them makes one that is taken. */
const FOREIGN: readonly { readonly offset: number; readonly magic: string; readonly advice: string }[] = [
  { offset: 0, magic: 'PK\u0003\u0004', advice: 'is a zip archive, as PyTorch (.pt) and Keras (.keras) write: export it as ONNX there (yolo export format=onnx, torch.onnx.export, tf2onnx)' },
  { offset: 0, magic: '\u0080\u0002', advice: 'is a Python pickle, as older PyTorch writes: export it as ONNX there (torch.onnx.export)' },
  { offset: 0, magic: '\u0089HDF', advice: 'is an HDF5 file, as Keras writes: export it as a SavedModel there (model.export)' },
  { offset: 4, magic: 'TFL3', advice: 'is a TensorFlow Lite model: give the SavedModel or the graph that it was made of' },
  { offset: 4, magic: 'ORTM', advice: 'is a model in the format of ONNX Runtime: give the .onnx file that it was made of' },
];
const EXPECTED = 'expected a TensorFlow.js model.json, a frozen graph (.pb), an ONNX file, or a SavedModel folder';
const SAVED_MODEL_FILE = 'saved_model.pb';
const GRAPH_FILE = 'model.json';
const HEAD_BYTES = 64;
/** Fields of a message that are looked at before it counts as something else. */
const MAX_FIELDS = 4_096;

/** Finds out what a model is, by what is in it and not by its name.
 * @param path file or folder
 * @throws {ConfigError} it is not there, or nothing that can be exported, with what to do */
export async function recogniseSource(path: string): Promise<ModelSource> {
  const facts = await stat(path).catch((error: unknown) => {
    throw sourceProblem(path, `cannot be read (${readFailure(error, 'file')})`);
  });
  if (facts.isDirectory()) return recogniseFolder(path);
  if (!facts.isFile()) throw sourceProblem(path, `is no file: ${EXPECTED}`);
  const handle = await open(path);
  try {
    return await recogniseFile(path, handle, facts.size);
  } finally {
    await handle.close();
  }
}

function recogniseFolder(path: string): ModelSource {
  if (existsSync(join(path, 'servable.json'))) throw sourceProblem(path, 'is a servable already: serve it with --model-dir');
  if (existsSync(join(path, GRAPH_FILE))) return { kind: 'tfjs', path: join(path, GRAPH_FILE) };
  if (existsSync(join(path, SAVED_MODEL_FILE))) return { kind: 'saved-model', path };
  throw sourceProblem(path, `holds no ${GRAPH_FILE} and no ${SAVED_MODEL_FILE}: ${EXPECTED}`);
}

async function recogniseFile(path: string, handle: FileHandle, size: number): Promise<ModelSource> {
  const head = await readAt(handle, 0, HEAD_BYTES);
  const text = head.toString('latin1');
  const foreign = FOREIGN.find(({ offset, magic }) => text.startsWith(magic, offset));
  if (foreign !== undefined) throw sourceProblem(path, foreign.advice);
  if (/^[\u00ef\u00bb\u00bf\s]*\{/u.test(text)) return { kind: 'tfjs', path };
  const fields = await topFields(handle, size);
  if (fields === null) throw sourceProblem(path, extname(path) === '.pbtxt' ? 'is a graph as text: give the binary one' : `is no model: ${EXPECTED}`);
  // GraphDef: node = 1, a message. ModelProto of ONNX: ir_version = 1, a number, graph = 7. SavedModel: saved_model_schema_version = 1, a number, meta_graphs = 2.
  if (fields.get(1) === 'bytes' && [...fields.keys()].every((field) => field <= 5)) return { kind: 'frozen-graph', path };
  if (fields.get(7) === 'bytes') return { kind: 'onnx', path };
  if (fields.get(2) === 'bytes' && [...fields.keys()].every((field) => field <= 2)) return { kind: 'saved-model', path: dirname(path) };
  throw sourceProblem(path, `is no model: ${EXPECTED}`);
}

/** Numbers of the fields of a message of protocol buffers, with how each is written; `null` when it is no such message. Read in small pieces: a model may be large. */
async function topFields(handle: FileHandle, size: number): Promise<ReadonlyMap<number, 'number' | 'bytes'> | null> {
  const fields = new Map<number, 'number' | 'bytes'>();
  let position = 0;
  for (let count = 0; position < size && count < MAX_FIELDS; count += 1) {
    const bytes = await readAt(handle, position, 20);
    const tag = readVarint(bytes, 0);
    if (tag === null || tag.value < 8) return null;
    const field = Math.floor(tag.value / 8);
    const value = readVarint(bytes, tag.end);
    if (value === null) return null;
    switch (tag.value % 8) {
      case 0:
        fields.set(field, 'number');
        position += value.end;
        break;
      case 2:
        fields.set(field, 'bytes');
        position += value.end + value.value;
        break;
      default:
        return null;
    }
    if (position > size) return null;
  }
  return fields.size === 0 ? null : fields;
}

function readVarint(bytes: Buffer, start: number): { readonly value: number; readonly end: number } | null {
  let value = 0;
  for (let index = 0; index < 10; index += 1) {
    const byte = bytes[start + index];
    if (byte === undefined) return null;
    value += (byte & 0x7f) * 2 ** (7 * index);
    if (byte < 0x80) return { value, end: start + index + 1 };
  }
  return null;
}

async function readAt(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const { bytesRead, buffer } = await handle.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}

/** @returns what is wrong with a model that was to be exported */
export function sourceProblem(path: string, message: string): ConfigError {
  return new ConfigError([{ file: path, path: '', message }]);
}
