import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError } from '../../../core/errors.js';
import { signaturesFromMetaGraph, type SignatureDefMap } from '../../../serving/metadata-messages.js';
import { decodeMessage } from '../../../serving/proto-root.js';
import { WireReader, WireType } from '../../../serving/wire-reader.js';
import { SAVED_MODEL_FILE, SERVE_TAG } from './saved-model-names.js';

/** A tag and a length take at most so many bytes. */
const HEAD_BYTES = 20;
/** What is read of a message; graphs are passed over. */
const MAX_FIELD_BYTES = 16 * 1024 * 1024;
/** Of one message: collections and signatures are some dozens. */
const MAX_FIELDS = 10_000;

/** Fields of SavedModel and of MetaGraphDef. */
const META_GRAPHS = 2;
const META_INFO_DEF = 1;
const SIGNATURE_DEF = 5;

/** Reads the signatures of a SavedModel: those of its graph with the tag `serve`. The graph itself is not read, so a model of any size costs little memory.
 * @param folder that holds `saved_model.pb`
 * @throws {ConfigError} when there is none, it is none, or it has nothing to serve */
export async function readSavedModelSignatures(folder: string): Promise<SignatureDefMap> {
  const path = join(folder, SAVED_MODEL_FILE);
  const file = await open(path, 'r').catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException;
    throw problem(path, `cannot be read (${code === 'ENOENT' ? 'no such file' : String(code)}): expected the folder of a SavedModel`);
  });
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw problem(path, 'is not a file: expected the folder of a SavedModel');
    return await findSignatures(file, stats.size, path);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw problem(path, `is not a SavedModel: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    await file.close();
  }
}

async function findSignatures(file: FileHandle, size: number, path: string): Promise<SignatureDefMap> {
  const found: string[] = [];
  for (const metaGraph of await listFields(file, { from: 0, to: size }, META_GRAPHS)) {
    const fields = await listFields(file, metaGraph, META_INFO_DEF, SIGNATURE_DEF);
    const tags: string[] = [];
    for (const info of fields.filter(({ field }) => field === META_INFO_DEF)) {
      tags.push(...(decodeMessage<{ tags?: string[] }>('tensorflow.MetaGraphDef.MetaInfoDef', await readRange(file, info)).tags ?? []));
    }
    found.push(tags.join('+') || 'no tag');
    if (!tags.includes(SERVE_TAG)) continue;
    const entries = fields.filter(({ field }) => field === SIGNATURE_DEF).map(({ fieldFrom, to }) => ({ from: fieldFrom, to }));
    if (entries.reduce((sum, { from, to }) => sum + to - from, 0) > MAX_FIELD_BYTES) throw problem(path, `has signatures of more than ${String(MAX_FIELD_BYTES)} bytes`);
    const parts: Buffer[] = [];
    for (const entry of entries) parts.push(await readRange(file, entry));
    const signatures = signaturesFromMetaGraph(Buffer.concat(parts));
    if (signatures.size === 0) throw problem(path, 'has no signature: export it with one');
    return signatures;
  }
  throw problem(path, found.length === 0 ? 'is not a SavedModel: it has no graph' : `has no graph with the tag ${SERVE_TAG}, only ${found.join(', ')}: export it for serving`);
}

/** Bytes of a file. */
type Range = { readonly from: number; readonly to: number };
/** A field whose value is bytes: `from` begins the value, `fieldFrom` the field. */
type DelimitedField = Range & { readonly field: number; readonly fieldFrom: number };

/** Lists fields of a message without reading their values. */
async function listFields(file: FileHandle, message: Range, ...wanted: readonly number[]): Promise<DelimitedField[]> {
  const fields: DelimitedField[] = [];
  let at = message.from;
  for (let count = 0; at < message.to; count += 1) {
    if (count === MAX_FIELDS) throw new RangeError(`it has more than ${String(MAX_FIELDS)} parts`);
    const head = await readRange(file, { from: at, to: Math.min(message.to, at + HEAD_BYTES) });
    const reader = new WireReader(head);
    reader.next();
    const { field, wireType } = reader;
    if (wireType !== WireType.DELIMITED) {
      reader.skip();
      at += reader.position;
      continue;
    }
    reader.readVarint();
    const from = at + reader.position;
    const to = from + reader.low;
    if (reader.high !== 0 || to > message.to) throw new RangeError('it ends in the middle of a part');
    if (wanted.includes(field)) fields.push({ field, fieldFrom: at, from, to });
    at = to;
  }
  return fields;
}

async function readRange(file: FileHandle, { from, to }: Range): Promise<Buffer> {
  if (to - from > MAX_FIELD_BYTES) throw new RangeError(`a part of it has more than ${String(MAX_FIELD_BYTES)} bytes`);
  const bytes = Buffer.alloc(to - from);
  for (let read = 0; read < bytes.length; ) {
    const { bytesRead } = await file.read(bytes, read, bytes.length - read, from + read);
    if (bytesRead === 0) throw new RangeError('it ends in the middle of a part');
    read += bytesRead;
  }
  return bytes;
}

function problem(file: string, message: string): ConfigError {
  return new ConfigError([{ file, path: '', message }]);
}
