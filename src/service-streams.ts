import { isDeepStrictEqual } from 'node:util';
import { compareStreams } from './config/compare-streams.js';
import type { ServiceConfig, SourcesConfig, StreamConfig } from './config/service-config.js';
import { parseStreamDefinition } from './config/stream-definition.js';
import { patchStream, shownDefinition } from './config/stream-patch.js';
import type { StreamsFolder } from './config/streams-folder.js';
import { formatPath, type ValueProblem } from './config/validate.js';
import { ConfigError, StreamExistsError } from './core/errors.js';
import { SerialQueue } from './core/serial-queue.js';
import { DEMO_SOURCE } from './core/source-kind.js';
import type { StreamStatus } from './core/stream-status.js';
import type { Pipeline, PipelineStreamOptions } from './pipeline/pipeline.js';
import type { SourceTester } from './service-source-test.js';
import { accessOf, checkSourceAccess, type SourceAccess } from './sources/opening/source-access.js';
import type { ChangeOptions, SourceTest, StoredDefinition, StreamAdmin } from './viewers/stream-directory.js';

/** Whose word a stream's sources are: the operator's files may name anything, the API only what `sources` allows. */
type Origin = 'configured' | 'added';
type Held = { readonly stream: StreamConfig; readonly origin: Origin };

export type ServiceStreamsOptions = {
  readonly pipeline: Pipeline;
  readonly sources: SourcesConfig;
  readonly folder: StreamsFolder;
  readonly tester: SourceTester;
  /** Says how a stream runs. */
  readonly optionsOf: (stream: StreamConfig, access: SourceAccess) => PipelineStreamOptions;
};

/** What a reload did to the streams: their ids. */
export type AppliedStreams = { readonly added: readonly string[]; readonly changed: readonly string[]; readonly removed: readonly string[] };

/** Knows what is said of every stream, by files and over the API, and lets the pipeline run it. All changes go through one queue. */
export class ServiceStreams implements StreamAdmin {
  readonly #options: ServiceStreamsOptions;
  readonly #queue = new SerialQueue('The service');
  readonly #held = new Map<string, Held>();
  /** What the files said when they were last read or written; also of streams that were changed or removed since. */
  #files: ReadonlyMap<string, StreamConfig> = new Map();
  #sources: SourcesConfig;

  constructor(options: ServiceStreamsOptions) {
    this.#options = options;
    this.#sources = options.sources;
  }

  /** Starts the streams of the configuration. */
  start(streams: readonly StreamConfig[]): void {
    for (const stream of streams) this.#add({ stream, origin: 'configured' });
    this.#files = byId(streams);
  }

  /** Does something between two changes; for what must not happen during one. */
  exclusively<T>(work: () => Promise<T>): Promise<T> {
    return this.#queue.run(work);
  }

  async create(definition: unknown, { persist }: ChangeOptions): Promise<StreamStatus> {
    const stream = parsed(definition, null);
    // Before the queue: a name may take seconds to be looked up.
    await this.#checkSources(sourcesOf(stream));
    return this.#queue.run(async () => {
      if (this.#held.has(stream.id)) throw new StreamExistsError(stream.id);
      return this.#add({ stream: persist ? await this.#save(stream) : stream, origin: 'added' });
    });
  }

  definition(streamId: string): StoredDefinition | null {
    const held = this.#held.get(streamId);
    if (held === undefined) return null;
    const { file } = held.stream;
    return { definition: shownDefinition(held.stream), persisted: file !== null && this.#options.folder.holds(file) };
  }

  async change(streamId: string, patch: unknown, { persist }: ChangeOptions): Promise<StreamStatus | null> {
    // What is asked for is looked up before the queue, and once more in it: the stream may be another by then, its sources are not.
    const first = this.#patched(streamId, patch);
    if (first === null) return null;
    await this.#checkSources(first.newSources);
    return this.#queue.run(async () => {
      const next = this.#patched(streamId, patch);
      if (next === null) return null;
      const { held, stream, newSources } = next;
      if (newSources.some((source) => !first.newSources.includes(source))) await this.#checkSources(newSources);
      const origin = newSources.length > 0 ? 'added' : held.origin;
      return this.#replace(held, { stream: persist ? await this.#save(stream) : stream, origin });
    });
  }

  remove(streamId: string, { persist }: ChangeOptions): Promise<boolean> {
    return this.#queue.run(async () => {
      const held = this.#held.get(streamId);
      if (held === undefined) return false;
      const file = held.stream.file ?? this.#files.get(streamId)?.file ?? null;
      if (persist && file !== null) {
        await this.#options.folder.remove(file);
        this.#files = new Map([...this.#files].filter(([id]) => id !== streamId));
      }
      await this.#remove(streamId);
      return true;
    });
  }

  async testSource(streamId: string | null, definition: unknown, signal: AbortSignal): Promise<SourceTest | null> {
    const { tester } = this.#options;
    if (streamId === null) return tester.test(parsed(definition, 'test'), accessOf(this.#sources, 'added'), signal);
    const next = this.#patched(streamId, definition);
    if (next === null) return null;
    const { held, stream, newSources } = next;
    return tester.test(stream, accessOf(this.#sources, newSources.length > 0 ? 'added' : held.origin), signal);
  }

  /** Brings the streams to where a new configuration has them, touching only those whose files, or limits, say something else than before; what was done over the API
   * and not written back stays. Within {@link exclusively}. */
  async apply({ streams, sources }: Pick<ServiceConfig, 'streams' | 'sources'>): Promise<AppliedStreams> {
    const [before, after] = [this.#files, byId(streams)];
    const oldSources = this.#sources;
    this.#files = after;
    this.#sources = sources;
    const added: string[] = [];
    const changed: string[] = [];
    const removed: string[] = [];
    for (const { stream } of this.#held.values()) if (stream.file !== null && before.has(stream.id) && !after.has(stream.id)) removed.push(stream.id);
    // All at once: each may take seconds to let its ffmpeg go.
    await Promise.all(removed.map((id) => this.#remove(id)));
    for (const stream of streams) {
      const [held, known] = [this.#held.get(stream.id), before.get(stream.id)];
      const isNews = known === undefined || compareStreams(known, stream) !== 'none';
      if (held === undefined) {
        if (!isNews) continue; // removed over the API
        this.#add({ stream, origin: 'configured' });
        added.push(stream.id);
      } else if (isNews && (compareStreams(held.stream, stream) !== 'none' || held.origin === 'added')) {
        this.#replace(held, { stream, origin: 'configured' }, oldSources);
        changed.push(stream.id);
      } else if (held.stream.file !== stream.file) this.#held.set(stream.id, { ...held, stream: { ...held.stream, file: stream.file } });
    }
    for (const held of this.#held.values()) {
      const { id } = held.stream;
      if (added.includes(id) || changed.includes(id) || isDeepStrictEqual(accessOf(oldSources, held.origin), accessOf(sources, held.origin))) continue;
      this.#replace(held, held, oldSources);
      changed.push(id);
    }
    return { added, changed, removed };
  }

  /** Lets the change that is on come to its end, refuses all others, and ends tests of sources. Idempotent. */
  async close(): Promise<void> {
    await Promise.all([this.#queue.close(), this.#options.tester.close()]);
  }

  #patched(streamId: string, patch: unknown): { readonly held: Held; readonly stream: StreamConfig; readonly newSources: readonly string[] } | null {
    const held = this.#held.get(streamId);
    if (held === undefined) return null;
    const { stream, problems, newSources } = patchStream(held.stream, patch, process.cwd());
    if (stream === null) throw problemsError(problems);
    return { held, stream, newSources };
  }

  async #save(stream: StreamConfig): Promise<StreamConfig> {
    const before = this.#files.get(stream.id);
    const saved = { ...stream, file: await this.#options.folder.save(stream, before?.given ?? null) };
    this.#files = new Map([...this.#files, [stream.id, saved]]);
    return saved;
  }

  async #checkSources(sources: readonly string[]): Promise<void> {
    const access = accessOf(this.#sources, 'added');
    for (const source of sources) if (source !== DEMO_SOURCE) await checkSourceAccess(source, access);
  }

  #add(held: Held): StreamStatus {
    const status = this.#options.pipeline.add(this.#options.optionsOf(held.stream, accessOf(this.#sources, held.origin)));
    this.#held.set(held.stream.id, held);
    return status;
  }

  async #remove(streamId: string): Promise<void> {
    this.#held.delete(streamId);
    await this.#options.pipeline.remove(streamId);
  }

  #replace(before: Held, after: Held, oldSources = this.#sources): StreamStatus {
    const { stream, origin } = after;
    const { pipeline, optionsOf } = this.#options;
    const access = accessOf(this.#sources, origin);
    const isMoved = compareStreams(before.stream, stream) === 'restart' || !isDeepStrictEqual(accessOf(oldSources, before.origin), access);
    const status = isMoved ? pipeline.replace(optionsOf(stream, access)) : pipeline.restyle(stream.id, stream);
    this.#held.set(stream.id, after);
    return status;
  }
}

function parsed(definition: unknown, defaultId: string | null): StreamConfig {
  const { stream, problems } = parseStreamDefinition(definition, { file: null, defaultId, baseDir: process.cwd() });
  if (stream === null) throw problemsError(problems);
  return stream;
}

function byId(streams: readonly StreamConfig[]): ReadonlyMap<string, StreamConfig> {
  return new Map(streams.map((stream) => [stream.id, stream]));
}

function sourcesOf({ source, detectSource }: StreamConfig): readonly string[] {
  return [source, detectSource].filter((each) => each !== null);
}

function problemsError(problems: readonly ValueProblem[]): ConfigError {
  return new ConfigError(problems.map(({ path, message }) => ({ file: null, path: formatPath(path), message })));
}
