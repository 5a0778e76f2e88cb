import { createAnnotator } from './annotation/annotator.js';
import { MicroBatcher } from './batching/micro-batcher.js';
import type { ServiceConfig, StreamConfig } from './config/service-config.js';
import { PACKAGE_ROOT } from './core/package-paths.js';
import { redactUrl } from './core/redact.js';
import { ensureDemoClip } from './demo/demo-clip.js';
import { findFfmpeg, type FfmpegTools } from './ffmpeg/tools.js';
import { DetectorHost } from './pipeline/detector-host.js';
import { followDetector } from './pipeline/follow-detector.js';
import { Pipeline, type PipelineStreamOptions } from './pipeline/pipeline.js';
import type { Logger } from './telemetry/logger.js';
import { createMetrics, type Metrics } from './telemetry/metrics.js';
import { startViewerServer, type ViewerServer } from './viewers/viewer-server.js';

export type ServiceOptions = {
  readonly config: ServiceConfig;
  /** Where the demo clip is kept between runs. */
  readonly cacheDir: string;
  readonly log: Logger;
};

/** A running service; it owns every process, socket and timer that it started. */
export interface Service {
  /** Address of the viewer page. */
  readonly url: string;
  readonly port: number;
  /** Rejects when the service cannot go on by itself: the embedded model server cannot be started. Never resolves. */
  readonly failed: Promise<never>;
  /** Stops everything, viewers first, the model server last. Idempotent. */
  close(): Promise<void>;
}

/** Starts the service: the page answers when this resolves, streams and detector come up by themselves after it.
 * @throws {MissingProgramError} ffmpeg is not installed
 * @throws {PortInUseError} the address is taken
 * @throws {ConfigError} the label map, TLS files or the address cannot be used */
export async function startService(options: ServiceOptions): Promise<Service> {
  const { config, log } = options;
  const tools = await findFfmpeg();
  const metrics = createMetrics();
  const host = await DetectorHost.open({ config, metrics, log });
  const { detector } = host;
  const batcher = new MicroBatcher({ ...config.batching, detect: (batch) => detector.detect(batch) });
  followDetector(batcher, detector);
  const parts: Parts = { host, batcher, annotator: createAnnotator({ metrics }), pipeline: new Pipeline(), viewers: null };
  try {
    const viewers = await startViewerServer({
      host: config.server.host,
      port: config.server.port,
      directory: parts.pipeline,
      webRoot: `${PACKAGE_ROOT}dist/web`,
      metrics,
      readiness: () => ({ ready: detector.state.status.state === 'ok', message: detector.state.status.message }),
      backends: () => detector.backends(),
      tokens: config.server.tokens,
      log,
    });
    parts.viewers = viewers;
    // Only now: a port that is taken is said at once, before a model is loaded.
    host.start();
    for (const stream of config.streams) parts.pipeline.add(streamOptions(stream, { options, parts, tools, metrics }));
    let closing: Promise<void> | null = null;
    return {
      url: viewers.url,
      port: viewers.port,
      failed: host.failed,
      close: () => {
        closing ??= closeParts(parts);
        return closing;
      },
    };
  } catch (error) {
    await closeParts(parts);
    throw error;
  }
}

type Parts = {
  readonly host: DetectorHost;
  readonly batcher: MicroBatcher;
  readonly annotator: ReturnType<typeof createAnnotator>;
  readonly pipeline: Pipeline;
  viewers: ViewerServer | null;
};

/** The order is written down in pipeline/README.md. */
async function closeParts({ viewers, pipeline, batcher, host, annotator }: Parts): Promise<void> {
  await viewers?.close();
  await pipeline.close();
  await host.detector.close();
  await batcher.close();
  await host.close();
  await annotator.close();
}

type StreamContext = { readonly options: ServiceOptions; readonly parts: Parts; readonly tools: FfmpegTools; readonly metrics: Metrics };

function streamOptions(stream: StreamConfig, { options, parts, tools, metrics }: StreamContext): PipelineStreamOptions {
  const { id, name, mode, thresholds, source, fps, widthPx, loop, transport, timeoutMs } = stream;
  const log = options.log.child({ stream: id });
  const demoClip = (): Promise<string> => ensureDemoClip({ cacheDir: options.cacheDir, tools, log });
  return {
    id,
    name,
    mode,
    thresholds,
    redactedSource: redactUrl(source),
    source: { source, fps, widthPx, loop, transport, timeoutMs, tools, demoClip, log },
    detector: parts.host.detector,
    batcher: parts.batcher,
    annotator: parts.annotator,
    metrics,
    log,
  };
}
