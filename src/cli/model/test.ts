import { mkdir, stat, writeFile } from 'node:fs/promises';
import { basename, extname, join, resolve } from 'node:path';
import { Command } from 'commander';
import { createAnnotator, type Annotator } from '../../annotation/annotator.js';
import { loadDetectConfig } from '../../config/load-config.js';
import { ConfigError, SightlineError, SourceOpenError, type ConfigIssue } from '../../core/errors.js';
import type { DetectedFrame } from '../../core/frames.js';
import { findFfmpeg, type FfmpegTools } from '../../ffmpeg/tools.js';
import { detectFile, type FrameSink } from '../../pipeline/detect-file.js';
import type { DetectorHost } from '../../pipeline/detector-host.js';
import { openDetector } from '../../service.js';
import { examineSource } from '../../sources/run/open-run.js';
import type { Logger } from '../../telemetry/logger.js';
import { createMetrics } from '../../telemetry/metrics.js';
import { addLogOptions, loggerOf, quietUnlessAsked, type LogFlags } from '../log-options.js';
import { addModelOptions, type ModelFlags } from '../model-options.js';
import { parseThreshold } from '../parse-threshold.js';
import { onShutdown } from '../shutdown.js';
import { describeFindings } from './findings-text.js';

type TestFlags = LogFlags & ModelFlags & { readonly threshold: string; readonly output?: string };

/** How long a backend may take to answer for the first time, ms: a big model loads for a while. */
const READY_TIMEOUT_MS = 60_000;
const NETWORK_TIMEOUT_MS = 5_000;
/** Of annotated pictures: they are looked at closely. */
const JPEG_QUALITY = 92;
const MAX_SAME_NAMES = 1_000;

/** `sightline model test`: what a model sees on pictures. */
export function modelTestCommand(): Command {
  const command = new Command('test')
    .description('run a model on pictures and say what it sees')
    .argument('<image...>', 'pictures: JPEG, PNG, WebP, …')
    .option('--threshold <score>', 'lowest score that is shown, 0 to 1', '0.4')
    .option('--output <folder>', 'write each picture there with what was found drawn into it');
  return addLogOptions(addModelOptions(command)).action(async (images: readonly string[], flags: TestFlags) => {
    await runTest(images, flags);
  });
}

async function runTest(images: readonly string[], flags: TestFlags): Promise<void> {
  const threshold = parseThreshold(flags.threshold);
  const { backend, model, modelDir, engine, labels } = flags;
  const config = await loadDetectConfig({ backend, model, modelDir, engine, labels });
  await requirePictures(images);
  const targets = flags.output === undefined ? null : await openFolder(flags.output, images);
  const log = loggerOf(quietUnlessAsked(flags, 'warn'));
  const shutdown = onShutdown();
  const annotator = createAnnotator({ jpegQuality: JPEG_QUALITY });
  let host: DetectorHost | null = null;
  try {
    const tools = await findFfmpeg();
    for (const image of images) await requireSinglePicture(image, tools, log, shutdown.signal);
    host = await openDetector({ config, metrics: createMetrics(), log });
    host.start();
    await host.whenReady(READY_TIMEOUT_MS, shutdown.signal);
    process.stdout.write(`${host.detector.state.status.message}\n`);
    for (const [index, image] of images.entries()) {
      const sink = new TestSink(image, annotator, targets?.[index] ?? null);
      await lookAt(image, { host, sink, threshold, tools, log, signal: shutdown.signal });
    }
  } catch (error) {
    // The person who stopped it knows why.
    if (!shutdown.signal.aborted) throw error;
  } finally {
    await host?.close();
    await annotator.close();
    shutdown.dispose();
  }
}

type LookContext = { readonly host: DetectorHost; readonly sink: FrameSink; readonly threshold: number; readonly tools: FfmpegTools; readonly log: Logger; readonly signal: AbortSignal };

/** Looks at one picture, by the way that frames of a recording take. */
async function lookAt(image: string, { host, sink, threshold, tools, log, signal }: LookContext): Promise<void> {
  const gone = new AbortController();
  host.failed.catch(() => {
    gone.abort();
  });
  const run = detectFile({
    source: sourceOf(image, tools, log),
    detector: host.detector,
    thresholds: { '*': threshold },
    sinks: [sink],
    onProgress: () => undefined,
    signal: AbortSignal.any([signal, gone.signal]),
  });
  const { frames, problem } = await run.catch((error: unknown) => (gone.signal.aborted ? host.failed : Promise.reject(error as Error)));
  if (frames === 0 || problem !== null) throw new SightlineError('source-exited', `${image}: ${problem ?? 'holds no picture'}`);
}

type Source = Parameters<typeof detectFile>[0]['source'];

function sourceOf(image: string, tools: FfmpegTools, log: Logger): Source {
  const noDemo = (): Promise<string> => Promise.reject(new SourceOpenError(`${image} is no picture`));
  // By its whole path: a picture may be called as if it were an address.
  return { streamId: basename(image), source: resolve(image), fps: null, widthPx: null, loop: false, transport: 'tcp', timeoutMs: NETWORK_TIMEOUT_MS, tools, demoClip: noDemo, log };
}

/** @throws {ConfigError} naming each that is not there or no file */
async function requirePictures(images: readonly string[]): Promise<void> {
  const issues: ConfigIssue[] = [];
  for (const image of images) {
    const facts = await stat(image).catch(() => null);
    if (facts === null) issues.push({ file: image, path: '', message: 'no such file' });
    else if (!facts.isFile()) issues.push({ file: image, path: '', message: 'is no file: name pictures, DIR/*.jpg for all of a folder' });
  }
  if (issues.length > 0) throw new ConfigError(issues);
}

/** @throws {SourceOpenError} it cannot be read as a picture
 * @throws {ConfigError} it is a video */
async function requireSinglePicture(image: string, tools: FfmpegTools, log: Logger, signal: AbortSignal): Promise<void> {
  const { frameCount } = await examineSource({ ...sourceOf(image, tools, log), mode: 'replay' }, signal);
  if (frameCount !== null && frameCount > 1) throw new ConfigError([{ file: image, path: '', message: 'is a video: sightline detect looks at those' }]);
}

/** Makes the folder for annotated pictures. @returns where each goes, in the order of `images` */
async function openFolder(folder: string, images: readonly string[]): Promise<readonly string[]> {
  await mkdir(folder, { recursive: true }).catch((error: unknown) => {
    throw new ConfigError([{ file: null, path: '--output', message: `${folder} cannot be made (${error instanceof Error && 'code' in error ? String(error.code) : String(error)})` }]);
  });
  const inputs = new Set(images.map((image) => resolve(image)));
  const taken = new Set<string>();
  return images.map((image) => {
    const name = basename(image, extname(image));
    for (let count = 1; count <= MAX_SAME_NAMES; count += 1) {
      const path = resolve(join(folder, `${name}${count === 1 ? '' : `-${String(count)}`}.jpg`));
      if (taken.has(path)) continue;
      if (inputs.has(path)) throw new ConfigError([{ file: null, path: '--output', message: `${path} is a picture to look at, which would be lost: name another folder` }]);
      taken.add(path);
      return path;
    }
    throw new ConfigError([{ file: null, path: '--output', message: `too many pictures are called ${name}` }]);
  });
}

/** Prints what was found on a picture, and writes the annotated one. */
class TestSink implements FrameSink {
  readonly #image: string;
  readonly #annotator: Annotator;
  readonly #target: string | null;

  constructor(image: string, annotator: Annotator, target: string | null) {
    this.#image = image;
    this.#annotator = annotator;
    this.#target = target;
  }

  /** @throws {SightlineError} the annotated picture cannot be written */
  async write(detected: DetectedFrame): Promise<void> {
    process.stdout.write(describeFindings(this.#image, detected));
    if (this.#target === null) return;
    const { jpeg } = await this.#annotator.render(detected, { maxWidthPx: null, drawn: true });
    await writeFile(this.#target, jpeg);
    process.stdout.write(`  drawn in ${this.#target}\n`);
  }
}
