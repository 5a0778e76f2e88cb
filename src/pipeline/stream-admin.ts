import { StreamExistsError } from '../core/errors.js';
import type { StreamStatus } from '../core/stream-status.js';
import type { StreamAdmin } from '../viewers/stream-directory.js';
import type { Pipeline, PipelineStreamOptions } from './pipeline.js';

/** Checks a stream definition and says how its stream runs.
 * @throws {ConfigError} what is wrong with it
 * @throws {SourceNotAllowedError} where it leads is not allowed over the API */
export type DefineStream = (definition: unknown) => Promise<PipelineStreamOptions>;

/** Adds streams to a pipeline that is running, and takes them away. */
export class PipelineAdmin implements StreamAdmin {
  readonly #pipeline: Pipeline;
  readonly #define: DefineStream;

  constructor(pipeline: Pipeline, define: DefineStream) {
    this.#pipeline = pipeline;
    this.#define = define;
  }

  async create(definition: unknown): Promise<StreamStatus> {
    const options = await this.#define(definition);
    // Asked only now: while the definition was checked, another with the same id may have come.
    if (this.#pipeline.get(options.id) !== undefined) throw new StreamExistsError(options.id);
    return this.#pipeline.add(options);
  }

  remove(streamId: string): Promise<boolean> {
    return this.#pipeline.remove(streamId);
  }
}
