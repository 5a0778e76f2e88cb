import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { basename } from 'node:path';
import { finished } from 'node:stream/promises';
import { Command } from 'commander';
import { createAnnotator } from '../annotation/annotator.js';
import { cacheDir } from '../config/cache-dir.js';
import { loadDetectConfig } from '../config/load-config.js';
import { ConfigError, OutputError, SightlineError, type ConfigIssue } from '../core/errors.js';
import { ensureDemoClip } from '../demo/demo-clip.js';
import { findFfmpeg, type FfmpegTools } from '../ffmpeg/tools.js';
import { detectFile, type FrameSink } from '../pipeline/detect-file.js';
import { openDetector } from '../service.js';
import { examineSource } from '../sources/run/open-run.js';
import { createMetrics } from '../telemetry/metrics.js';
import { JsonLinesSink } from './json-lines-sink.js';
import { addLogOptions, loggerOf, quietUnlessAsked, type LogFlags } from './log-options.js';
import { addModelOptions, type ModelFlags } from './model-options.js';
import { Mp4Sink } from './mp4-sink.js';
import { outputPathIssues } from './output-paths.js';
import { createProgress } from './progress.js';
import { onShutdown } from './shutdown.js';

type DetectFlags = LogFlags & ModelFlags & {
  readonly jsonl?: string;
  readonly output?: string;
  readonly threshold: string;
  readonly fps?: string;
};

/** How long a backend may take to answer for the first time, ms: a big model loads for a while. */
const READY_TIMEOUT_MS = 60_000;
const NETWORK_TIMEOUT_MS = 5_000;
const STANDARD_OUTPUT = '-';

/** `sightline detect`: every frame of a file once. */
export function detectCommand(): Command {
  const command = new Command('detect')
    .description('look at every frame of a file once: JSON lines, and/or a video with the boxes drawn')
    .argument('<input>', 'video file, or a folder or pattern of images')
    .option('--jsonl <file>', 'where the JSON lines go, - for standard output (the default when no --output is given)')
    .option('--output <file>', 'annotated video, MP4')
    .option('--threshold <score>', 'lowest score that is written, 0 to 1', '0.4')
    .option('--fps <number>', 'look at no more frames a second than this');
  return addLogOptions(addModelOptions(command)).action(async (input: string, flags: DetectFlags) => {
    await runDetect(input, flags);
  });
}

async function runDetect(input: string, flags: DetectFlags): Promise<void> {
  const { fps, threshold } = parseNumbers(flags);
  const issues = await outputPathIssues(input, { '--jsonl': flags.jsonl === STANDARD_OUTPUT ? undefined : flags.jsonl, '--output': flags.output });
  if (issues.length > 0) throw new ConfigError(issues);
  const { backend, model, modelDir, engine, labels } = flags;
  const config = await loadDetectConfig({ backend, model, modelDir, engine, labels });
  const log = loggerOf(quietUnlessAsked(flags, 'error'));
  const shutdown = onShutdown();
  const closers: (() => Promise<void>)[] = [];
  const progress = createProgress(process.stderr);
  try {
    const tools = await findFfmpeg();
    const demoClip = (): Promise<string> => ensureDemoClip({ cacheDir: cacheDir(), tools, log, signal: shutdown.signal });
    const source = { streamId: basename(input), source: input, fps, widthPx: null, loop: false, transport: 'tcp', timeoutMs: NETWORK_TIMEOUT_MS, tools, demoClip, log } as const;
    // Looked at before anything is opened for writing or loaded: a mistyped name costs nothing.
    await examineSource({ ...source, mode: 'replay' }, shutdown.signal);
    const outputs = await openOutputs(basename(input), flags, tools);
    closers.push(() => outputs.close());
    const host = await openDetector({ config, metrics: createMetrics(), log });
    closers.push(() => host.close());
    const backendGone = new AbortController();
    host.failed.catch(() => {
      backendGone.abort();
    });
    host.start();
    await host.whenReady(READY_TIMEOUT_MS, shutdown.signal);
    const run = detectFile({
      source,
      detector: host.detector,
      thresholds: { '*': threshold },
      sinks: outputs.sinks,
      onProgress: (frames, { frameCount }) => {
        progress.update(frames, fps === null ? frameCount : null);
      },
      signal: AbortSignal.any([shutdown.signal, backendGone.signal]),
    });
    const { frames, problem } = await run.catch((error: unknown) => (backendGone.signal.aborted ? host.failed : Promise.reject(error as Error)));
    await outputs.finish();
    if (problem !== null) throw new SightlineError('source-exited', `${problem}; ${String(frames)} frames were looked at`);
  } catch (error) {
    // The person who stopped it, or who closed the pipe it writes to, knows why.
    if (!shutdown.signal.aborted && !(error instanceof OutputError && error.readerGone)) throw error;
  } finally {
    progress.close();
    for (const close of closers.reverse()) await close();
    shutdown.dispose();
  }
}

type Outputs = { readonly sinks: readonly FrameSink[]; finish(): Promise<void>; close(): Promise<void> };

async function openOutputs(stream: string, flags: DetectFlags, tools: FfmpegTools): Promise<Outputs> {
  const jsonlPath = flags.jsonl ?? (flags.output === undefined ? STANDARD_OUTPUT : null);
  const jsonl = jsonlPath === null || jsonlPath === STANDARD_OUTPUT ? null : await openFile(jsonlPath);
  const annotator = createAnnotator();
  const mp4 = flags.output === undefined ? null : new Mp4Sink(flags.output, tools, annotator);
  const lines = jsonlPath === null ? null : new JsonLinesSink(stream, jsonl ?? process.stdout, jsonlPath === STANDARD_OUTPUT ? 'standard output' : jsonlPath);
  return {
    sinks: [lines, mp4].filter((sink) => sink !== null),
    finish: async () => {
      // How the file ended is told by the sink.
      if (jsonl !== null) await finished(jsonl.end()).catch(() => undefined);
      lines?.finish();
      await mp4?.finish();
    },
    close: async () => {
      jsonl?.destroy();
      await mp4?.close();
      await annotator.close();
    },
  };
}

/** @throws {ConfigError} when the file cannot be written */
async function openFile(path: string): Promise<WriteStream> {
  const stream = createWriteStream(path);
  try {
    await once(stream, 'open');
    return stream;
  } catch (error) {
    throw new ConfigError([{ file: null, path: '--jsonl', message: `${path} cannot be written (${error instanceof Error ? error.message : String(error)})` }]);
  }
}

function parseNumbers(flags: DetectFlags): { fps: number | null; threshold: number } {
  const issues: ConfigIssue[] = [];
  const threshold = Number(flags.threshold);
  if (flags.threshold.trim() === '' || !(threshold >= 0 && threshold <= 1)) issues.push({ file: null, path: '--threshold', message: `expected a number from 0 to 1, got ${flags.threshold}` });
  const fps = flags.fps === undefined ? null : Number(flags.fps);
  if (fps !== null && !(fps > 0 && Number.isFinite(fps))) issues.push({ file: null, path: '--fps', message: `expected a number above 0, got ${flags.fps ?? ''}` });
  if (issues.length > 0) throw new ConfigError(issues);
  return { fps, threshold };
}
