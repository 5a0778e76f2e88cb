import { lstat, readFile } from 'node:fs/promises';
import { basename, dirname, join, parse } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { NotWritableError } from '../core/errors.js';
import { editYaml } from './edit-yaml.js';
import type { StreamConfig } from './service-config.js';
import { parseStreamDefinition } from './stream-definition.js';
import { readStreamsFolder } from './stream-files.js';
import type { StreamDefinition } from './stream-schema.js';
import { formatPath } from './validate.js';
import { removeFile, writeAtomically } from './write-atomically.js';
import { parseYaml } from './yaml-file.js';

/** Why the system does not write, in words. */
const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EFBIG: 'the file would be too large',
  EMFILE: 'too many files are open',
  ENFILE: 'too many files are open',
};

/** The streams folder as a place to write to: one YAML file a stream. */
export class StreamsFolder {
  readonly path: string;
  readonly #env: NodeJS.ProcessEnv;

  /** @param path absolute; it may not be there */
  constructor(path: string, env: NodeJS.ProcessEnv = process.env) {
    this.path = path;
    this.#env = env;
  }

  /** Whether a file lies in the folder. */
  holds(file: string): boolean {
    return dirname(file) === this.path;
  }

  /** Writes a stream to its file, or to a new one named for its id.
   * @param before what the file said when it was last read or written; `null`: the stream has none
   * @returns the file
   * @throws {NotWritableError} why not; nothing is changed then */
  async save(stream: StreamConfig, before: StreamDefinition | null): Promise<string> {
    const file = stream.file !== null && this.holds(stream.file) ? stream.file : await this.#fileFor(stream.id);
    const text = await this.#read(file);
    const old = text === null ? {} : (before ?? this.#understand(text, file).given);
    const edited = this.#edit(text ?? '', old, stream, file);
    await this.#attempt(file, () => writeAtomically(file, edited));
    return file;
  }

  /** Takes a stream's file away; one that is gone already is fine.
   * @throws {NotWritableError} why not; it is still there then */
  async remove(file: string): Promise<void> {
    if (!this.holds(file)) throw new NotWritableError(`${file} does not lie in the streams folder (${this.path}): it has to be changed by hand`);
    if ((await this.#read(file)) !== null) await this.#attempt(file, () => removeFile(file));
  }

  /** Finds the file that a stream stands in although the service does not know, or the name of a new one. */
  async #fileFor(id: string): Promise<string> {
    const { streams, missing, issues } = await readStreamsFolder(this.path, this.#env, (file) => basename(file));
    if (missing) throw new NotWritableError(`there is no streams folder (${this.path}): make it, or name another with --streams, and start the service again`);
    const known = streams.find((stream) => stream.id === id)?.file ?? null;
    if (known !== null) return known;
    const file = join(this.path, `${id}.yaml`);
    const isTaken = await lstat(file).then(() => true, () => false);
    if (isTaken || issues.some((issue) => issue.path === '' && issue.file === basename(this.path))) {
      throw new NotWritableError(isTaken ? `${file} is there already and holds something else: look at it, or choose another id` : `the streams folder (${this.path}) cannot be read: ${String(issues[0]?.message)}`);
    }
    return file;
  }

  /** @returns `null`: there is no such file */
  async #read(file: string): Promise<string | null> {
    return this.#attempt(file, async () => {
      try {
        // Written anew, a link would be replaced; what it leads to may be anywhere.
        if ((await lstat(file)).isSymbolicLink()) throw new NotWritableError(`${file} is a link: what it leads to has to be changed by hand`);
        return await readFile(file, 'utf8');
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
        throw error;
      }
    });
  }

  #edit(text: string, before: StreamDefinition, stream: StreamConfig, file: string): string {
    this.#understand(text === '' ? 'source: demo:street' : text, file);
    const changed = Object.keys({ ...before, ...stream.given }).filter((key) => !isDeepStrictEqual(before[key as keyof StreamDefinition], stream.given[key as keyof StreamDefinition]));
    if (changed.length === 0) return text;
    const edited = editYaml(text, before, stream.given);
    // What will be read must be what is meant, whatever the texts hold; keys that somebody else has edited meanwhile stay as they are.
    const read = this.#understand(edited, file);
    const isMeant = (key: string): boolean => isDeepStrictEqual(read.given[key as keyof StreamDefinition], stream.given[key as keyof StreamDefinition]);
    if (read.id !== stream.id || !changed.every(isMeant)) throw new NotWritableError(`${file}: what it would hold does not read as it is meant: it has to be changed by hand`);
    return edited;
  }

  #understand(text: string, file: string): StreamConfig {
    const { value, faults, problems } = parseYaml(text, this.#env);
    const parsed = faults.length > 0 ? null : parseStreamDefinition(value, { file, defaultId: parse(file).name, baseDir: this.path }, problems);
    if (parsed?.stream == null || parsed.problems.length > 0) {
      const [fault] = faults;
      const [problem] = parsed?.problems ?? [];
      const what = fault !== undefined ? `${fault.place} ${fault.message}` : problem !== undefined ? `${formatPath(problem.path)}: ${problem.message}` : 'it holds no stream';
      throw new NotWritableError(`${file} was changed by somebody else, and together that is no stream (${what.trim()}): put it right first`);
    }
    return parsed.stream;
  }

  async #attempt<T>(file: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Error && 'code' in error) || error instanceof NotWritableError) throw error;
      const code = String(error.code);
      const isMissing = code === 'ENOENT' || code === 'ENOTDIR';
      const reason = REASONS[code] ?? (isMissing ? 'the streams folder is gone' : code);
      throw new NotWritableError(`${file} cannot be written: ${reason}`, { cause: error });
    }
  }
}
