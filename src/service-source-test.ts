import type { StreamConfig } from './config/service-config.js';
import { ClosedError, SightlineError, SourceNotAllowedError, TooManyTestsError } from './core/errors.js';
import { DEMO_SOURCE } from './core/source-kind.js';
import { rationalValue } from './ffmpeg/rational.js';
import { accessTo, type StreamContext } from './service-stream-options.js';
import { checkSourceAccess, type SourceAccess } from './sources/opening/source-access.js';
import type { SourceInfo } from './sources/opening/probe-source.js';
import { examineSource } from './sources/run/open-run.js';
import type { SourceTest } from './viewers/stream-directory.js';

/** Each holds an ffprobe and a connection. */
const MAX_TESTS = 2;
/** Somebody waits for the answer in a dialog. */
const LIMIT_MS = 10_000;

export type SourceTesterOptions = Pick<StreamContext, 'tools' | 'demoClip' | 'secrets'> & {
  /** Time that a test gets, ms; default 10 s. */
  readonly limitMs?: number;
};

/** Opens sources once, by the way that a stream takes to them, and says what they hold; few at a time, and never for long. */
export class SourceTester {
  readonly #options: SourceTesterOptions;
  readonly #running = new Set<Promise<unknown>>();
  readonly #closing = new AbortController();

  constructor(options: SourceTesterOptions) {
    this.#options = options;
  }

  /** Opens the source of a stream, and its second one where it has one; the answer is about the first.
   * @param signal ends the test: nobody waits for its answer
   * @throws {TooManyTestsError} two are being tested already
   * @throws {SourceNotAllowedError} the policy refuses it before it is opened
   * @throws {ClosedError} `signal`, or `close()`, ended it */
  async test(stream: StreamConfig, access: SourceAccess, signal?: AbortSignal): Promise<SourceTest> {
    if (this.#closing.signal.aborted) throw new ClosedError('The service');
    if (this.#running.size >= MAX_TESTS) throw new TooManyTestsError(MAX_TESTS);
    const running = this.#test(stream, access, signal);
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
    }
  }

  /** Ends what is being tested; resolves when nothing of it runs any more. Idempotent. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.allSettled(this.#running);
  }

  async #test(stream: StreamConfig, access: SourceAccess, asker: AbortSignal | undefined): Promise<SourceTest> {
    const { limitMs = LIMIT_MS, secrets } = this.#options;
    const late = new AbortController();
    const timer = setTimeout(() => { late.abort(); }, limitMs);
    const signal = AbortSignal.any([late.signal, this.#closing.signal, ...(asker === undefined ? [] : [asker])]);
    const sources = [stream.source, stream.detectSource].filter((source) => source !== null);
    const forget = sources.map((source) => secrets.register(source));
    try {
      for (const source of sources) if (source !== DEMO_SOURCE) await checkSourceAccess(source, access, signal);
      const [info] = await this.#examineAll(sources, stream, access, signal);
      return info === undefined ? failed('source-open', 'there is no source') : describe(info, stream);
    } catch (error) {
      if (late.signal.aborted) return failed('source-stalled', `no answer within ${String(limitMs / 1000)} s`);
      if (signal.aborted) throw new ClosedError('The test', { cause: error });
      if (!(error instanceof SightlineError) || error instanceof SourceNotAllowedError) throw error;
      return failed(error.code, secrets.redact(error.message));
    } finally {
      clearTimeout(timer);
      for (const each of forget) each();
    }
  }

  /** One after the other: many a camera serves few at a time. */
  async #examineAll(sources: readonly string[], { mode, transport, timeoutMs, imageFps }: StreamConfig, access: SourceAccess, signal: AbortSignal): Promise<SourceInfo[]> {
    const { tools, demoClip } = this.#options;
    const infos: SourceInfo[] = [];
    for (const source of sources) infos.push(await examineSource({ source, mode, transport, timeoutMs, imageFps, access: accessTo(source, access), tools, demoClip }, signal));
    return infos;
  }
}

function describe({ size, declaredFps, durationMs, codecName }: SourceInfo, { mode }: StreamConfig): SourceTest {
  return { ok: true, mode, ...size, declaredFps: declaredFps === null ? null : rationalValue(declaredFps), durationMs, codec: codecName };
}

function failed(code: string, message: string): SourceTest {
  return { ok: false, code, message };
}
