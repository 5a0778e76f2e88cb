import type { Annotator } from './annotation/annotator.js';
import type { MicroBatcher } from './batching/micro-batcher.js';
import type { StreamConfig } from './config/service-config.js';
import { redactUrl } from './core/redact.js';
import type { SecretRegistry } from './core/secrets.js';
import { DEMO_SOURCE } from './core/source-kind.js';
import type { Detector } from './detection/detector.js';
import type { FfmpegTools } from './ffmpeg/tools.js';
import type { PipelineStreamOptions } from './pipeline/pipeline.js';
import type { FrameBudget } from './sources/frames/frame-budget.js';
import type { SourceAccess } from './sources/opening/source-access.js';
import type { Logger } from './telemetry/logger.js';
import type { Metrics } from './telemetry/metrics.js';

/** What all streams of a service share. */
export type StreamContext = {
  readonly detector: Detector;
  readonly batcher: MicroBatcher;
  readonly annotator: Annotator;
  /** Path of the demo clip; draws it when it is not there. */
  readonly demoClip: () => Promise<string>;
  readonly tools: FfmpegTools;
  readonly budget: FrameBudget;
  readonly deadlineMs: number;
  readonly secrets: SecretRegistry;
  readonly metrics: Metrics;
  readonly log: Logger;
};

/** Says how a stream runs; what is secret of its sources is kept out of all texts until it is closed. */
export function streamOptions(stream: StreamConfig, access: SourceAccess, context: StreamContext): PipelineStreamOptions {
  const { id, name, mode, thresholds, source, detectSource, fps, widthPx, loop, transport, timeoutMs, hwaccel, hwaccelDevice, imageFps } = stream;
  const { detector, batcher, annotator, demoClip, tools, budget, deadlineMs, secrets, metrics } = context;
  const log = context.log.child({ stream: id });
  const forget = [source, detectSource].flatMap((each) => (each === null ? [] : [secrets.register(each)]));
  return {
    id,
    name,
    mode,
    thresholds,
    redactedSource: redactUrl(source),
    redact: secrets.redact,
    onClosed: () => { for (const each of forget) each(); },
    source: { source, detectSource, hwaccel, hwaccelDevice, access: accessTo(source, access), budget, fps, imageFps, widthPx, loop, transport, timeoutMs, tools, demoClip, log },
    detector,
    deadlineMs,
    batcher,
    annotator,
    metrics,
    log,
  };
}

/** The clip of the demo lies in the cache, where no root is. */
export function accessTo(source: string, access: SourceAccess): SourceAccess {
  return source === DEMO_SOURCE ? { ...access, roots: null } : access;
}
