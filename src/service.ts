import { createAnnotator } from './annotation/annotator.js';
import { encodeJpeg } from './annotation/encode-jpeg.js';
import { MicroBatcher } from './batching/micro-batcher.js';
import { readFile } from 'node:fs/promises';
import type { ServiceConfig, SourcesConfig, StreamConfig, TlsConfig } from './config/service-config.js';
import { parseStreamDefinition } from './config/stream-definition.js';
import { formatPath } from './config/validate.js';
import { ConfigError } from './core/errors.js';
import type { Size } from './core/geometry.js';
import { PACKAGE_ROOT } from './core/package-paths.js';
import { redactUrl } from './core/redact.js';
import { SecretRegistry } from './core/secrets.js';
import { DEMO_SOURCE } from './core/source-kind.js';
import { openDemoClip, type DemoClip } from './demo/demo-clip.js';
import { loadLabelMap } from './detection/label-map.js';
import { findFfmpeg, type FfmpegTools } from './ffmpeg/tools.js';
import { startEmbeddedServer } from './model-server/embedded-server.js';
import { DetectorHost } from './pipeline/detector-host.js';
import { followDetector } from './pipeline/follow-detector.js';
import { Pipeline, type PipelineStreamOptions } from './pipeline/pipeline.js';
import { PipelineAdmin } from './pipeline/stream-admin.js';
import { openBudget, type FrameBudget } from './sources/frames/frame-budget.js';
import { accessOf, checkSourceAccess, type SourceAccess } from './sources/opening/source-access.js';
import { channelCredentials } from './serving/tls.js';
import type { Logger } from './telemetry/logger.js';
import { startLoopWatch, type LoopWatch } from './telemetry/loop-watch.js';
import { createMetrics, type Metrics } from './telemetry/metrics.js';
import { startViewerServer, type ViewerServer } from './viewers/viewer-server.js';

export type ServiceOptions = {
  readonly config: ServiceConfig;
  /** Where the demo clip is kept between runs. */
  readonly cacheDir: string;
  readonly log: Logger;
  /** Folder of the built page; default: the package's own. */
  readonly webRoot?: string;
  /** Told of every source, so that what it keeps secret shows up nowhere; the one that the log redacts by. Default: one of the service's own. */
  readonly secrets?: SecretRegistry;
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
  const { config, log, secrets = new SecretRegistry() } = options;
  const tools = await findFfmpeg();
  const metrics = createMetrics();
  const host = await openDetector({ config, metrics, log });
  const { detector } = host;
  const batcher = new MicroBatcher({ batchTimeoutMs: config.batching.batchTimeoutMs, nextPlace: (images) => detector.nextPlace(images) });
  followDetector(batcher, detector);
  const parts: Parts = { host, batcher, annotator: createAnnotator({ metrics }), pipeline: new Pipeline(), demoClip: openDemoClip({ cacheDir: options.cacheDir, tools, log }), loopWatch: startLoopWatch({ metrics, log }), viewers: null };
  const budget = openBudget(config.sources.maxFrameMemoryMb);
  const context: StreamContext = { options, secrets, parts, tools, metrics, budget };
  const add = (stream: StreamConfig, access: SourceAccess): PipelineStreamOptions => streamOptions(stream, access, context);
  const admin = new PipelineAdmin(parts.pipeline, async (definition) => add(...(await defineStream(definition, config.sources))));
  let closing: Promise<void> | null = null;
  try {
    const viewers = await startViewerServer({
      host: config.server.host,
      port: config.server.port,
      directory: parts.pipeline,
      webRoot: options.webRoot ?? `${PACKAGE_ROOT}dist/web`,
      metrics,
      readiness: () => (closing !== null ? { ready: false, message: 'the service is closing' } : { ready: detector.state.status.state === 'ok', message: detector.state.status.message }),
      backends: () => detector.backends(),
      admin,
      tokens: config.server.tokens,
      hosts: config.server.hosts,
      tls: config.server.tls,
      log,
    });
    parts.viewers = viewers;
    // Only now: a port that is taken is said at once, before a model is loaded.
    host.start();
    for (const stream of config.streams) parts.pipeline.add(add(stream, accessOf(config.sources, 'configured')));
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
      wishes: model,
      encodeJpeg,
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
  readonly loopWatch: LoopWatch;
  viewers: ViewerServer | null;
};

/** The order is written down in pipeline/README.md. */
async function closeParts({ viewers, pipeline, demoClip, batcher, host, annotator, loopWatch }: Parts): Promise<void> {
  await viewers?.close();
  await pipeline.close();
  await demoClip.close();
  await host.detector.close();
  await batcher.close();
  await host.close();
  await annotator.close();
  loopWatch.close();
}

type StreamContext = { readonly options: ServiceOptions; readonly secrets: SecretRegistry; readonly parts: Parts; readonly tools: FfmpegTools; readonly metrics: Metrics; readonly budget: FrameBudget };

/** Checks a stream that is added at run time: what it says, and where it leads.
 * @throws {ConfigError} @throws {SourceNotAllowedError} @throws {SourceOpenError} */
async function defineStream(definition: unknown, sources: SourcesConfig): Promise<[StreamConfig, SourceAccess]> {
  const { stream, problems } = parseStreamDefinition(definition, { file: null, defaultId: null, baseDir: process.cwd() });
  if (stream === null) throw new ConfigError(problems.map(({ path, message }) => ({ file: null, path: formatPath(path), message })));
  const access = accessOf(sources, 'added');
  for (const source of [stream.source, stream.detectSource]) if (source !== null && source !== DEMO_SOURCE) await checkSourceAccess(source, access);
  return [stream, access];
}

function streamOptions(stream: StreamConfig, access: SourceAccess, { options, secrets, parts, tools, metrics, budget }: StreamContext): PipelineStreamOptions {
  const { id, name, mode, thresholds, source, detectSource, fps, widthPx, loop, transport, timeoutMs, hwaccel, hwaccelDevice, imageFps } = stream;
  const log = options.log.child({ stream: id });
  const forget = [source, detectSource].flatMap((each) => (each === null ? [] : [secrets.register(each)]));
  // The clip of the demo lies in the cache, where no root is.
  const allowed = source === DEMO_SOURCE ? { ...access, roots: null } : access;
  return {
    id,
    name,
    mode,
    thresholds,
    redactedSource: redactUrl(source),
    redact: secrets.redact,
    onClosed: () => { for (const each of forget) each(); },
    source: { source, detectSource, hwaccel, hwaccelDevice, access: allowed, budget, fps, imageFps, widthPx, loop, transport, timeoutMs, tools, demoClip: parts.demoClip.path, log },
    detector: parts.host.detector,
    deadlineMs: options.config.model.deadlineMs,
    batcher: parts.batcher,
    annotator: parts.annotator,
    metrics,
    log,
  };
}

/** Reads the PEM files that the configuration names.
 * @throws {ConfigError} one cannot be read, or they cannot be used */
async function readTls(files: TlsConfig): Promise<Partial<Record<keyof TlsConfig, Buffer>>> {
  const read = async ([name, path]: [string, string]): Promise<[string, Buffer]> => {
    try {
      return [name, await readFile(path)];
    } catch (error) {
      throw new ConfigError([{ file: path, path: '', message: `backend.tls.${name} cannot be read (${error instanceof Error ? error.message : String(error)})` }]);
    }
  };
  const tls: Partial<Record<keyof TlsConfig, Buffer>> = Object.fromEntries(await Promise.all(Object.entries(files).map(read)));
  // Now, and not when a name has been looked up.
  channelCredentials(tls);
  return tls;
}
