import type { StreamMode } from '../core/stream-status.js';
import type { ModelWishes } from '../detection/contract/model-wishes.js';
import type { Thresholds } from '../detection/thresholds.js';
import type { EngineChoice } from '../model-server/engines/engine.js';
import type { SourceRules } from '../sources/opening/source-access.js';
import type { LogLevel } from '../telemetry/logger.js';
import type { TlsFiles } from '../viewers/tls-files.js';
import type { Token } from '../viewers/tokens.js';
import type { StreamDefinition } from './stream-schema.js';

/** Everything the service runs with: checked, complete, frozen. Paths are absolute. */
export type ServiceConfig = {
  readonly server: ServerConfig;
  readonly backend: BackendConfig;
  readonly model: ModelConfig;
  /** `null`: COCO. */
  readonly labelsFile: string | null;
  readonly batching: BatchingConfig;
  readonly sources: SourcesConfig;
  /** Where streams are written back to, absolute; it may not be there. */
  readonly streamsFolder: string;
  /** In the order of their files' names; ids are unique. */
  readonly streams: readonly StreamConfig[];
  readonly log: LogConfig;
};

export type ServerConfig = {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Never empty when `host` can be reached from other machines. */
  readonly tokens: readonly Token[];
  /** Names that the service is reached under beside its own, `name` or `name:port`. */
  readonly hosts: readonly string[];
  /** PEM files; `null`: plain HTTP. */
  readonly tls: TlsFiles | null;
  /** Origins whose pages may show a stream's tile in a frame; `*`: all. Empty: none. */
  readonly embedOrigins: readonly string[];
};

export type BackendConfig =
  | EmbeddedConfig
  /** `host:port` each, at least one. */
  | { readonly kind: 'endpoints'; readonly endpoints: readonly string[]; readonly tls: TlsConfig | null };

export type EmbeddedConfig = {
  readonly kind: 'embedded';
  /** Folder of models, of one model or of one version; `null`: the default model. */
  readonly modelDir: string | null;
  readonly engine: EngineChoice;
  /** Processes that compute. */
  readonly workers: number | 'auto';
  /** Memory beyond which a process that computes is replaced, MiB; `null`: as much as the model needs and some more. */
  readonly memoryMb: number | null;
};

/** PEM files; `cert` and `key` come together. Without `ca` the system's authorities count. */
export type TlsConfig = { readonly ca?: string; readonly cert?: string; readonly key?: string };

/** `version` and `versionLabel` are not both set; `null` means what the backend has by default. */
export type ModelConfig = {
  readonly name: string | null;
  readonly version: number | null;
  readonly versionLabel: string | null;
  readonly signature: string;
  readonly deadlineMs: number;
} & ModelWishes;

export type BatchingConfig = { readonly maxBatchSize: number; readonly batchTimeoutMs: number | 'auto'; readonly maxInFlightBatches: number };

/** What sources may be and take. `roots` and `networks` hold for those added over the API, the rest for all. */
export type SourcesConfig = SourceRules & {
  /** What the frames of all streams may take together, those being decoded included; `null`: 60 % of this machine's memory. */
  readonly maxFrameMemoryMb: number | null;
};

export type LogConfig = {
  readonly level: LogLevel;
  /** `null`: pretty on a terminal, else JSON. */
  readonly format: 'json' | 'pretty' | null;
};

/** One stream, from one file of the streams folder. */
export type StreamConfig = {
  /** `[A-Za-z0-9_-]{1,64}`. */
  readonly id: string;
  readonly name: string;
  /** `rtsp(s)://`, `http(s)://`, `demo:street` or an absolute path (of a folder or pattern of images too). May hold a password: redact before any text. */
  readonly source: string;
  readonly mode: StreamMode;
  /** At most this many frames a second are processed; `null`: all. */
  readonly fps: number | null;
  /** Display width at most; `null`: the source's. */
  readonly widthPx: number | null;
  readonly thresholds: Thresholds;
  readonly transport: 'tcp' | 'udp';
  /** Longest wait for an answer of the source. */
  readonly timeoutMs: number;
  /** ffmpeg's name of the hardware decoder, `null`: decode in software. */
  readonly hwaccel: string | null;
  /** Which device `hwaccel` uses, such as `/dev/dri/renderD128`; `null`: ffmpeg's choice. */
  readonly hwaccelDevice: string | null;
  /** How many images a second a folder of images shows. */
  readonly imageFps: number;
  /** A second, smaller stream of the same camera for detection. May hold a password. */
  readonly detectSource: string | null;
  readonly loop: boolean;
  /** The file it stands in; `null` for streams that were added over the API and not written back. */
  readonly file: string | null;
  /** What was said of it, checked, nothing filled in; without its id, and with paths made absolute. May hold a password. */
  readonly given: StreamDefinition;
};
