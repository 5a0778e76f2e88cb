import { Client, connectivityState, logVerbosity, Metadata, setLogVerbosity, status, type ClientUnaryCall, type ServiceError } from '@grpc/grpc-js';
import { ClosedError, ModelMismatchError, ModelOutputError } from '../core/errors.js';
import type { ModelIdentity } from '../core/frames.js';
import { observeEnd, type CallFailure } from './call-failure.js';
import { NO_HINTS, hintsFromHeaders, type ServingHints } from './hints.js';
import { SIGNATURE_DEF_FIELD, type SignatureDefMap } from './metadata-messages.js';
import { DEFAULT_SIGNATURE_NAME, type ModelSpec } from './model-spec.js';
import { splitEndpoint } from './probe-endpoint.js';
import { getModelMetadataRpc, getModelStatusRpc, healthCheckRpc, predictRpc, type Rpc } from './rpcs.js';
import { toServingError } from './serving-errors.js';
import type { HealthCheckResponse, ModelVersionStatus } from './status-messages.js';
import { MessageMemory } from './message-memory.js';
import { writePredictRequest } from './predict-request-writer.js';
import { decodeTensor } from './tensor-codec.js';
import type { Tensor, TensorWriter } from './tensor.js';
import { channelCredentials, type TlsOptions } from './tls.js';

export type ServingClientOptions = {
  /** `host:port` or `[v6]:port`. */
  readonly endpoint: string;
  readonly tls?: TlsOptions;
  /** Name that the server's certificate has to carry, and that it is addressed by; default: the endpoint's host. For an endpoint that is an address which a name led to. */
  readonly serverName?: string;
  /** Largest message in either direction, bytes; default 256 MiB. */
  readonly maxMessageBytes?: number;
};

/** Which model is asked. Neither version nor label: the newest. */
export type ModelRef = { readonly name: string; readonly version?: string; readonly versionLabel?: string; readonly signatureName?: string };

export type CallOptions = {
  /** The call ends at the latest this long after it was made, ms, > 0. */
  readonly deadlineMs: number;
  /** Cancels the call, at the backend too. */
  readonly signal?: AbortSignal;
};

export type PredictOptions = {
  readonly model: ModelRef;
  /** Sent in the order given, as raw bytes, each copied once. */
  readonly inputs: Readonly<Record<string, Tensor | TensorWriter>>;
  /** Outputs that are wanted; default: all. */
  readonly outputFilter?: readonly string[];
};

export type PredictResult = {
  /** As the backend resolved it. */
  readonly model: ModelIdentity;
  readonly outputs: ReadonlyMap<string, Tensor>;
  readonly hints: ServingHints;
};

export type ModelMetadata = { readonly model: ModelIdentity; readonly signatures: SignatureDefMap; readonly hints: ServingHints };

/** `unimplemented`: the server has no health service, as TensorFlow Serving by default; `unknown`: it does not know the name asked for. */
export type HealthState = 'serving' | 'not-serving' | 'unknown' | 'unimplemented';

const DEFAULT_MAX_MESSAGE_BYTES = 256 * 1024 * 1024;
const MAX_DEADLINE_MS = 2 ** 31 - 1;
/** Memory that an output may take beyond what its message carries: enough for answers that leave out what repeats, too little for a few bytes to ask for much. */
const MAX_FILLED_BYTES = 1024 * 1024;

/** Client of one TensorFlow Serving endpoint: one connection, made on the first call and made again when it breaks. Every call has a deadline.
 *
 * All calls reject with {@link ServingUnavailableError} (nothing answers, or the connection broke), {@link ServingOverloadedError} (it answers and
 * has no room), {@link ServingDeadlineError}, {@link ModelMismatchError} (the model does not take this), {@link ServingRejectedError} (any other
 * status), {@link ModelOutputError} (an answer that cannot be read) or {@link ClosedError} (`signal` or `close()`); each message names the endpoint in one line. */
export class ServingClient {
  readonly endpoint: string;
  readonly #client: Client;
  readonly #usesTls: boolean;
  readonly #calls = new Map<ClientUnaryCall, Promise<unknown>>();
  readonly #closing = new AbortController();
  readonly #memory = new MessageMemory();

  /** @throws {RangeError} when the endpoint is not `host:port`
   * @throws {ConfigError} when `tls` cannot be used */
  constructor(options: ServingClientOptions) {
    const { host, port } = splitEndpoint(options.endpoint);
    const maxMessageBytes = options.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES;
    this.endpoint = options.endpoint;
    this.#usesTls = options.tls !== undefined;
    // What goes wrong is in the errors; grpc-js would write it to standard error as well, in a form of its own.
    setLogVerbosity(logVerbosity.NONE);
    this.#client = new Client(host.includes(':') ? `[${host}]:${String(port)}` : `${host}:${String(port)}`, channelCredentials(options.tls), {
      'grpc.max_receive_message_length': maxMessageBytes,
      'grpc.max_send_message_length': maxMessageBytes,
      ...(options.serverName !== undefined && { 'grpc.default_authority': `${options.serverName}:${String(port)}`, 'grpc.ssl_target_name_override': options.serverName }),
      // Its traces grow with every reconnect.
      'grpc.enable_channelz': 0,
      'grpc.use_local_subchannel_pool': 1,
      // C-core servers end connections that ping often or without calls.
      'grpc.keepalive_time_ms': 30_000,
      'grpc.keepalive_timeout_ms': 10_000,
      'grpc.keepalive_permit_without_calls': 0,
      'grpc.initial_reconnect_backoff_ms': 200,
      // It comes on top of the time until the backend is asked again, up to a second.
      'grpc.max_reconnect_backoff_ms': 500,
      'grpc.service_config_disable_resolution': 1,
      // The environment's proxy is for web pages, not for the backend.
      'grpc.enable_http_proxy': 0,
    });
  }

  /** Runs the model. */
  async predict(options: PredictOptions, call: CallOptions): Promise<PredictResult> {
    this.#check(call);
    const request = { modelSpec: toModelSpec(options.model, DEFAULT_SIGNATURE_NAME), inputs: options.inputs, outputFilter: options.outputFilter ?? [] };
    const { message, memory } = writePredictRequest(request, (byteLength) => this.#memory.take(byteLength));
    // When a call has ended nothing of it is sent any more, and grpc-js has its own copy of what was.
    const { response, hints } = await this.#exchange(predictRpc, message, call).finally(() => { this.#memory.give(memory); });
    const outputs = new Map<string, Tensor>();
    for (const [name, proto] of response.outputs) {
      // What was not asked for is not looked at: each output may ask for memory.
      if (options.outputFilter !== undefined && !options.outputFilter.includes(name)) continue;
      outputs.set(name, this.#read(() => decodeTensor(proto, { name, maxFilledBytes: MAX_FILLED_BYTES })));
    }
    return { model: identity(response.modelSpec, options.model), outputs, hints };
  }

  /** Asks for the model's signatures. */
  async getModelMetadata(model: ModelRef, call: CallOptions): Promise<ModelMetadata> {
    const request = { modelSpec: toModelSpec(model, ''), metadataFields: [SIGNATURE_DEF_FIELD] };
    const { response, hints } = await this.#call(getModelMetadataRpc, request, call);
    if (response.signatures === null) throw new ModelOutputError(`backend ${this.endpoint} answered GetModelMetadata without ${SIGNATURE_DEF_FIELD}`);
    return { model: identity(response.modelSpec, model), signatures: response.signatures, hints };
  }

  /** Asks for the state of the model's versions. */
  async getModelStatus(model: ModelRef, call: CallOptions): Promise<readonly ModelVersionStatus[]> {
    const { response } = await this.#call(getModelStatusRpc, { modelSpec: toModelSpec(model, '') }, call);
    return response.versions;
  }

  /** Asks the standard health service.
   * @param service name to ask for; default: the server as a whole */
  async checkHealth(call: CallOptions, service = ''): Promise<HealthState> {
    try {
      return healthOf((await this.#call(healthCheckRpc, { service }, call)).response);
    } catch (error) {
      const code = grpcCodeOf(error);
      if (code === status.UNIMPLEMENTED) return 'unimplemented';
      if (code === status.NOT_FOUND) return 'unknown';
      throw error;
    }
  }

  /** Waits until a connection stands; nothing is asked of the model. */
  async waitForReady(call: CallOptions): Promise<void> {
    this.#check(call);
    const stop = call.signal === undefined ? this.#closing.signal : AbortSignal.any([this.#closing.signal, call.signal]);
    const cause = await new Promise<Error | null>((resolve) => {
      const onAbort = (): void => {
        resolve(null);
      };
      stop.addEventListener('abort', onAbort, { once: true });
      this.#client.waitForReady(Date.now() + call.deadlineMs, (error) => {
        stop.removeEventListener('abort', onAbort);
        resolve(error ?? null);
      });
    });
    this.#throwIfStopped(call);
    if (cause === null) return;
    throw await toServingError({ ...this.#failure(call), grpcCode: status.UNAVAILABLE, details: cause.message, isConnected: false, wasSent: false, isSaidByServer: false, cause });
  }

  /** Whether a connection stands at this moment. */
  get isConnected(): boolean {
    return !this.#closing.signal.aborted && this.#client.getChannel().getConnectivityState(false) === connectivityState.READY;
  }

  /** Cancels the calls that run, resolves when they have ended and closes the connection. Idempotent. */
  async close(): Promise<void> {
    this.#closing.abort();
    for (const call of this.#calls.keys()) call.cancel();
    await Promise.allSettled(this.#calls.values());
    this.#client.close();
  }

  /** Closes the connection when the calls that run have ended, at their deadlines at the latest. */
  async closeAfterCalls(): Promise<void> {
    await Promise.allSettled(this.#calls.values());
    await this.close();
  }

  async #call<Request, Response>(rpc: Rpc<Request, Response>, request: Request, options: CallOptions): Promise<{ response: Response; hints: ServingHints }> {
    this.#check(options);
    return this.#exchange(rpc, rpc.request.encode(request), options);
  }

  async #exchange<Response>(rpc: Pick<Rpc<unknown, Response>, 'path' | 'response'>, bytes: Buffer, options: CallOptions): Promise<{ response: Response; hints: ServingHints }> {
    const outcome = await this.#send(rpc.path, bytes, options);
    if (outcome.error !== null) {
      this.#throwIfStopped(options);
      const { error, ...observed } = outcome;
      if (isOkWithoutMessage(error)) throw new ModelOutputError(`backend ${this.endpoint} answered without a message`, { cause: error });
      throw await toServingError({ ...this.#failure(options), ...observed, grpcCode: error.code, details: error.details, cause: error });
    }
    return { response: this.#read(() => rpc.response.decode(outcome.bytes)), hints: outcome.hints };
  }

  async #send(path: string, bytes: Buffer, options: CallOptions): Promise<Outcome> {
    let hints: ServingHints | null = null;
    let settle: (outcome: Outcome) => void = () => undefined;
    const done = new Promise<Outcome>((resolve) => {
      settle = resolve;
    });
    const call = this.#client.makeUnaryRequest(path, asIs, asIs, bytes, new Metadata(), { deadline: Date.now() + options.deadlineMs }, (error, response) => {
      if (error !== null) settle({ error, isConnected: this.isConnected, ...observeEnd(this.#client, call, error, hints !== null) });
      else settle({ error: null, bytes: response ?? Buffer.alloc(0), hints: hints ?? NO_HINTS });
    });
    call.on('metadata', (metadata) => {
      hints = hintsFromHeaders((key) => {
        const value = metadata.get(key)[0];
        return typeof value === 'string' ? value : null;
      });
    });
    const onAbort = (): void => {
      call.cancel();
    };
    this.#calls.set(call, done);
    options.signal?.addEventListener('abort', onAbort, { once: true });
    try {
      return await done;
    } finally {
      options.signal?.removeEventListener('abort', onAbort);
      this.#calls.delete(call);
    }
  }

  #check(options: CallOptions): void {
    if (!(options.deadlineMs > 0 && options.deadlineMs <= MAX_DEADLINE_MS)) throw new RangeError(`Expected \`deadlineMs\` to be > 0, got ${String(options.deadlineMs)}`);
    this.#throwIfStopped(options);
  }

  #throwIfStopped(options: CallOptions): void {
    if (this.#closing.signal.aborted) throw new ClosedError(`the client of backend ${this.endpoint}`);
    if (options.signal?.aborted === true) throw new ClosedError(`the call to backend ${this.endpoint}`, { cause: options.signal.reason });
  }

  #failure(options: CallOptions): { endpoint: string; deadlineMs: number; usesTls: boolean } {
    return { endpoint: this.endpoint, deadlineMs: options.deadlineMs, usesTls: this.#usesTls };
  }

  /** Reads an answer and names the endpoint in what is wrong with it. */
  #read<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      if (error instanceof ModelOutputError) throw new ModelOutputError(`backend ${this.endpoint} gave an answer that cannot be read: ${error.message}`, { cause: error });
      throw error;
    }
  }
}

type Outcome = ({ readonly error: ServiceError } & Pick<CallFailure, 'isConnected' | 'wasSent' | 'isSaidByServer'>) | { readonly error: null; readonly bytes: Buffer; readonly hints: ServingHints };

/** grpc-js gives the status OK without a message a code of its own. */
function isOkWithoutMessage(error: ServiceError): boolean {
  return error.code === status.UNIMPLEMENTED && error.details === 'No message received';
}

function asIs(bytes: Buffer): Buffer {
  return bytes;
}

function toModelSpec(model: ModelRef, defaultSignatureName: string): ModelSpec {
  return { name: model.name, version: model.version ?? null, versionLabel: model.versionLabel ?? null, signatureName: model.signatureName ?? defaultSignatureName };
}

function identity(answered: ModelSpec | null, asked: ModelRef): ModelIdentity {
  return { name: answered?.name ?? asked.name, version: answered?.version ?? asked.version ?? '' };
}

function healthOf(response: HealthCheckResponse): HealthState {
  switch (response.status) {
    case 'SERVING':
      return 'serving';
    case 'NOT_SERVING':
      return 'not-serving';
    case 'UNKNOWN':
    case 'SERVICE_UNKNOWN':
      return 'unknown';
  }
}

/** The status that a backend refused a call with, or `null`. */
function grpcCodeOf(error: unknown): number | null {
  if (!(error instanceof ModelMismatchError) || error.cause === null || typeof error.cause !== 'object' || !('code' in error.cause)) return null;
  return typeof error.cause.code === 'number' ? error.cause.code : null;
}
