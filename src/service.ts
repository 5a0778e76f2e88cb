import { createAnnotator } from './annotation/annotator.js';
import { MicroBatcher } from './batching/micro-batcher.js';
import { readFile } from 'node:fs/promises';
import type { ServiceConfig, StreamConfig, TlsConfig } from './config/service-config.js';
import { ConfigError } from './core/errors.js';
import type { Size } from './core/geometry.js';
import { PACKAGE_ROOT } from './core/package-paths.js';
import { redactUrl } from './core/redact.js';
import { openDemoClip, type DemoClip } from './demo/demo-clip.js';
import { loadLabelMap } from './detection/label-map.js';
import { findFfmpeg, type FfmpegTools } from './ffmpeg/tools.js';
import { startEmbeddedServer } from './model-server/embedded-server.js';
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
  const host = await openDetector({ config, metrics, log });
  const { detector } = host;
  const batcher = new MicroBatcher({ ...config.batching, detect: (batch) => detector.detect(batch) });
  followDetector(batcher, detector);
  const parts: Parts = { host, batcher, annotator: createAnnotator({ metrics }), pipeline: new Pipeline(), demoClip: openDemoClip({ cacheDir: options.cacheDir, tools, log }), viewers: null };
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

export type DetectorOptions = { readonly config: Pick<ServiceConfig, 'backend' | 'model' | 'labelsFile' | 'batching'>; readonly metrics: Metrics; readonly log: Logger };

/** Frame size until a backend tells its own: the embedded server's default model wants this one. */
const EMBEDDED_INPUT_SIZE: Size = { widthPx: 512, heightPx: 512 };
/** For models that take any size and do not say which they like: most Object Detection API models (SSD, EfficientDet) resize to about this. */
const ENDPOINT_INPUT_SIZE: Size = { widthPx: 640, heightPx: 640 };

/** Makes the detector that a configuration asks for; an embedded model server waits for `start()`.
 * @throws {ConfigError} the label map or a TLS file cannot be read */
export async function openDetector({ config, metrics, log }: DetectorOptions): Promise<DetectorHost> {
  const { backend, model, batching } = config;
  const isEmbedded = backend.kind === 'embedded';
  return new DetectorHost({
    pool: {
      endpoints: isEmbedded ? [] : backend.endpoints,
      emptyMessage: 'the embedded model server is starting',
      tls: isEmbedded || backend.tls === null ? null : await readTls(backend.tls),
      model,
      deadlineMs: model.deadlineMs,
      maxBatchSize: batching.maxBatchSize,
      maxInFlightBatches: batching.maxInFlightBatches,
      assumedInputSize: isEmbedded ? EMBEDDED_INPUT_SIZE : ENDPOINT_INPUT_SIZE,
      labels: await loadLabelMap(config.labelsFile),
      log,
      metrics,
    },
    startServer: isEmbedded
      ? () => startEmbeddedServer({ modelBasePath: backend.modelDir, modelName: model.name ?? 'default', engine: backend.engine, log: log.child({ process: 'model-server' }) })
      : null,
  });
}

type Parts = {
  readonly host: DetectorHost;
  readonly batcher: MicroBatcher;
  readonly annotator: ReturnType<typeof createAnnotator>;
  readonly pipeline: Pipeline;
  readonly demoClip: DemoClip;
  viewers: ViewerServer | null;
};

/** The order is written down in pipeline/README.md. */
async function closeParts({ viewers, pipeline, demoClip, batcher, host, annotator }: Parts): Promise<void> {
  await viewers?.close();
  await pipeline.close();
  await demoClip.close();
  await host.detector.close();
  await batcher.close();
  await host.close();
  await annotator.close();
}

type StreamContext = { readonly options: ServiceOptions; readonly parts: Parts; readonly tools: FfmpegTools; readonly metrics: Metrics };

function streamOptions(stream: StreamConfig, { options, parts, tools, metrics }: StreamContext): PipelineStreamOptions {
  const { id, name, mode, thresholds, source, fps, widthPx, loop, transport, timeoutMs } = stream;
  const log = options.log.child({ stream: id });
  if (stream.hwaccel !== null && stream.hwaccel !== 'none') log.warn({ hwaccel: stream.hwaccel }, 'hwaccel is not used yet: frames are decoded in software');
  if (stream.detectSource !== null) log.warn('detectSource is not used yet: detection looks at source');
  return {
    id,
    name,
    mode,
    thresholds,
    redactedSource: redactUrl(source),
    source: { source, fps, widthPx, loop, transport, timeoutMs, tools, demoClip: parts.demoClip.path, log },
    detector: parts.host.detector,
    batcher: parts.batcher,
    annotator: parts.annotator,
    metrics,
    log,
  };
}

/** Reads the PEM files that the configuration names. */
async function readTls(files: TlsConfig): Promise<Partial<Record<keyof TlsConfig, Buffer>>> {
  const read = async ([name, path]: [string, string]): Promise<[string, Buffer]> => {
    try {
      return [name, await readFile(path)];
    } catch (error) {
      throw new ConfigError([{ file: path, path: '', message: `backend.tls.${name} cannot be read (${error instanceof Error ? error.message : String(error)})` }]);
    }
  };
  return Object.fromEntries(await Promise.all(Object.entries(files).map(read)));
}
