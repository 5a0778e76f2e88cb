import { createAnnotator } from './annotation/annotator.js';
import { encodeJpeg } from './annotation/encode-jpeg.js';
import { MicroBatcher } from './batching/micro-batcher.js';
import { readFile } from 'node:fs/promises';
import { definitionJsonSchema } from './config/definition-json-schema.js';
import type { ServiceConfig, TlsConfig } from './config/service-config.js';
import { ConfigError } from './core/errors.js';
import type { Size } from './core/geometry.js';
import { PACKAGE_ROOT } from './core/package-paths.js';
import { SecretRegistry } from './core/secrets.js';
import { openDemoClip, type DemoClip } from './demo/demo-clip.js';
import { StreamsFolder } from './config/streams-folder.js';
import { loadLabelMap } from './detection/label-map.js';
import { findFfmpeg } from './ffmpeg/tools.js';
import { startEmbeddedServer } from './model-server/embedded-server.js';
import { findEmbeddedModel } from './model-server/store/embedded-model.js';
import { DetectorHost } from './pipeline/detector-host.js';
import { followDetector } from './pipeline/follow-detector.js';
import { Pipeline } from './pipeline/pipeline.js';
import { ServiceReload } from './service-reload.js';
import { SourceTester } from './service-source-test.js';
import { streamOptions, type StreamContext } from './service-stream-options.js';
import { ServiceStreams } from './service-streams.js';
import { openBudget } from './sources/frames/frame-budget.js';
import { channelCredentials } from './serving/tls.js';
import type { Logger } from './telemetry/logger.js';
import { startDescriptorWatch, type DescriptorWatch } from './telemetry/descriptor-watch.js';
import { startLoopWatch, type LoopWatch } from './telemetry/loop-watch.js';
import { createMetrics, type Metrics } from './telemetry/metrics.js';
import type { ReloadResult } from './viewers/stream-directory.js';
import { startViewerServer, type ViewerServer } from './viewers/viewer-server.js';

export type ServiceOptions = {
  readonly config: ServiceConfig;
  /** Where the demo clip is kept between runs. */
  readonly cacheDir: string;
  /** Reads the configuration anew, for a reload; default: there is none to read. @throws {ConfigError} what is wrong with it */
  readonly loadConfig?: () => Promise<ServiceConfig>;
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
  /** Takes up a changed configuration as far as that is possible without a new start; viewers stay.
   * @throws {ConfigError} what is wrong with it; all stays as it was
   * @throws {ClosedError} the service is closing */
  reload(): Promise<ReloadResult>;
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
  const annotator = createAnnotator({ metrics });
  const demoClip = openDemoClip({ cacheDir: options.cacheDir, tools, log });
  const pipeline = new Pipeline();
  const context: StreamContext = { detector, batcher, annotator, demoClip: demoClip.path, tools, budget: openBudget(config.sources.maxFrameMemoryMb), deadlineMs: config.model.deadlineMs, secrets, metrics, log };
  const tester = new SourceTester({ tools, demoClip: demoClip.path, secrets });
  const streams = new ServiceStreams({ pipeline, tester, sources: config.sources, folder: new StreamsFolder(config.streamsFolder), optionsOf: (stream, access) => streamOptions(stream, access, context) });
  const parts: Parts = { host, batcher, annotator, pipeline, streams, demoClip, loopWatch: startLoopWatch({ metrics, log }), descriptorWatch: startDescriptorWatch({ metrics, log }), viewers: null };
  const reloader = new ServiceReload({ config, load: options.loadConfig ?? (() => Promise.resolve(config)), streams, viewers: () => parts.viewers, log });
  let closing: Promise<void> | null = null;
  try {
    const viewers = await startViewerServer({
      host: config.server.host,
      port: config.server.port,
      directory: pipeline,
      webRoot: options.webRoot ?? `${PACKAGE_ROOT}dist/web`,
      metrics,
      readiness: () => (closing !== null ? { ready: false, message: 'the service is closing' } : { ready: detector.state.status.state === 'ok', message: detector.state.status.message }),
      backends: () => detector.backends(),
      admin: streams,
      definitionSchema: definitionJsonSchema(),
      ...(options.loadConfig !== undefined && { reload: () => reloader.reload() }),
      tokens: config.server.tokens,
      hosts: config.server.hosts,
      tls: config.server.tls,
      embedOrigins: config.server.embedOrigins,
      log,
    });
    parts.viewers = viewers;
    // Only now: a port that is taken is said at once, before a model is loaded.
    host.start();
    streams.start(config.streams);
    return {
      url: viewers.url,
      port: viewers.port,
      failed: host.failed,
      reload: () => reloader.reload(),
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
 * @throws {ConfigError} the model's folder, the label map or a TLS file cannot be used */
export async function openDetector({ config, metrics, log }: DetectorOptions): Promise<DetectorHost> {
  const { backend, model, batching } = config;
  const pool = {
    model,
    deadlineMs: model.deadlineMs,
    maxBatchSize: batching.maxBatchSize,
    maxInFlightBatches: batching.maxInFlightBatches,
    wishes: model,
    encodeJpeg,
    log,
    metrics,
  };
  if (backend.kind === 'endpoints') {
    const tls = backend.tls === null ? null : await readTls(backend.tls);
    return new DetectorHost({ pool: { ...pool, endpoints: backend.endpoints, tls, assumedInputSize: ENDPOINT_INPUT_SIZE, labels: await loadLabelMap(config.labelsFile) }, startServer: null });
  }
  const found = backend.modelDir === null ? null : await findEmbeddedModel(backend.modelDir, model.name, { cacheDir: null, log });
  const modelName = model.name ?? found?.name ?? 'default';
  return new DetectorHost({
    pool: {
      ...pool,
      model: { ...model, name: modelName },
      endpoints: [],
      emptyMessage: 'the embedded model server is starting',
      tls: null,
      assumedInputSize: found?.inputSize ?? EMBEDDED_INPUT_SIZE,
      labels: await loadLabelMap(config.labelsFile ?? found?.labelsFile ?? null),
    },
    startServer: () => startEmbeddedServer({ modelBasePath: found?.basePath ?? null, modelName, engine: backend.engine, workers: backend.workers, ...(backend.memoryMb === null ? {} : { memoryMb: backend.memoryMb }), log: log.child({ process: 'model-server' }) }),
  });
}

type Parts = {
  readonly host: DetectorHost;
  readonly batcher: MicroBatcher;
  readonly annotator: ReturnType<typeof createAnnotator>;
  readonly pipeline: Pipeline;
  readonly streams: ServiceStreams;
  readonly demoClip: DemoClip;
  readonly loopWatch: LoopWatch;
  readonly descriptorWatch: DescriptorWatch;
  viewers: ViewerServer | null;
};

/** The order is written down in pipeline/README.md. */
async function closeParts({ viewers, streams, pipeline, demoClip, batcher, host, annotator, loopWatch, descriptorWatch }: Parts): Promise<void> {
  await viewers?.close();
  await streams.close();
  await pipeline.close();
  await demoClip.close();
  await host.detector.close();
  await batcher.close();
  await host.close();
  await annotator.close();
  loopWatch.close();
  descriptorWatch.close();
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
