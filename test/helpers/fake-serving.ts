import { setTimeout as delay } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import type { BoxYxyxNormalized } from '../../src/core/geometry.js';
import { GrpcStatusError, startGrpcServer, unaryMethod, type CallContext, type GrpcMethod, type GrpcServer } from '../../src/serving/grpc-server.js';
import { NO_HINTS, hintsToHeaders, type ServingHints } from '../../src/serving/hints.js';
import type { SignatureDef, TensorInfo } from '../../src/serving/metadata-messages.js';
import type { ModelSpec } from '../../src/serving/model-spec.js';
import type { PredictRequest } from '../../src/serving/predict-messages.js';
import { getModelMetadataRpc, getModelStatusRpc, healthCheckRpc, predictRpc } from '../../src/serving/rpcs.js';
import type { HealthCheckResponse, ModelVersionState, ModelVersionStatus } from '../../src/serving/status-messages.js';
import { decodeTensor, encodeTensor, type TensorForm } from '../../src/serving/tensor-codec.js';
import type { Tensor } from '../../src/serving/tensor.js';
import { ModelThread, turnEnds, type ServiceTime } from './model-thread.js';

/** An object that the stand-in "finds": class id as the model would answer it, box normalised. */
export type FakeDetection = { readonly classId: number; readonly score: number; readonly box: BoxYxyxNormalized };

/** A Predict call as the stand-in saw it. */
export type SeenPredict = {
  readonly modelSpec: ModelSpec | null;
  /** Decoded: shape, element type and bytes of every input. */
  readonly inputs: ReadonlyMap<string, Tensor>;
  readonly outputFilter: readonly string[];
  /** When the server thread took it, `performance.now()`; `null`: it did not, or there is no service time. */
  beginMs: number | null;
  /** Whether the client was gone before it was answered. */
  cancelled: boolean;
};

/** Outputs by name, or the bytes of a message. */
export type FakeAnswer = Readonly<Record<string, Tensor>> | Buffer;

/** What the stand-in does; every field may be changed while it runs, through {@link FakeServing.script}. */
export type FakeScript = {
  modelName: string;
  version: string;
  /** Name of the one signature that is served. */
  signatureName: string;
  signature: SignatureDef;
  /** Found on each image; a function is asked for each image of a batch. */
  detections: readonly FakeDetection[] | ((imageIndex: number, request: SeenPredict) => readonly FakeDetection[]);
  /** Rows of the answer (the M of detection_boxes `[n, M, 4]`); the rest is filled with zeros. */
  maxDetections: number;
  /** Replaces the making of answers: gives the outputs by name, or the bytes of the whole message, decodable or not. Throw a {@link GrpcStatusError} to answer a status. */
  predict: ((request: SeenPredict, context: CallContext) => Promise<FakeAnswer> | FakeAnswer) | null;
  /** How the answer's tensors travel; `values` is what TensorFlow Serving does by default. */
  answerForm: TensorForm;
  /** Before every answer, ms; any number of calls at the same time. */
  delayMs: number;
  /** Time that one server thread takes for each call, one after the other; `null`: none. */
  serviceMs: ServiceTime | null;
  /** Calls that may wait for the server thread; more are answered UNAVAILABLE, as by TensorFlow Serving. `null`: any number. */
  maxQueued: number | null;
  /** Answers this status to Predict instead. */
  failWith: { readonly grpcCode: number; readonly message: string } | null;
  /** Never answers Predict. */
  hang: boolean;
  /** Answers these bytes to Predict, decodable or not. */
  rawAnswer: Buffer | null;
  hints: ServingHints;
  /** Of `version`. Only an `AVAILABLE` model answers. */
  state: ModelVersionState;
  /** What GetModelStatus tells beside `version`. */
  otherVersions: readonly ModelVersionStatus[];
  /** Of every service, or by the service's name (`''`: the server as a whole); `null`: no health service, as TensorFlow Serving by default. */
  health: HealthCheckResponse['status'] | Readonly<Record<string, HealthCheckResponse['status']>> | null;
  /** Whether calls are kept in {@link FakeServing.requests}: a long run would fill the memory with them. */
  records: boolean;
};

/** A stand-in for TensorFlow Serving: real gRPC, scripted answers, a record of what it was asked. */
export class FakeServing {
  readonly script: FakeScript;
  /** Every Predict call so far, oldest first. */
  readonly requests: SeenPredict[] = [];
  /** Calls by method name, those that were answered with a status too. */
  readonly calls = { Predict: 0, GetModelMetadata: 0, GetModelStatus: 0, Check: 0 };
  readonly #thread = new ModelThread();
  #server: GrpcServer | null = null;

  constructor(script: Partial<FakeScript> = {}) {
    this.script = { ...defaultScript(), ...script };
  }

  /** Listens; `port` 0 takes any. May be started again on the same port after `close()`, as a server that comes back. */
  async start(port = 0, host = '127.0.0.1'): Promise<this> {
    this.#server = await startGrpcServer({ host, port, methods: this.#methods() });
    return this;
  }

  get port(): number {
    if (this.#server === null) throw new Error('The stand-in was not started');
    return this.#server.port;
  }

  get endpoint(): string {
    return `127.0.0.1:${String(this.port)}`;
  }

  /** Idempotent. `port` and `endpoint` stay readable. */
  async close(): Promise<void> {
    await this.#server?.close();
  }

  #methods(): GrpcMethod[] {
    const script = this.script;
    return [
      unaryMethod({ ...predictRpc, response: { encode: (bytes: Buffer) => bytes, decode: (bytes) => Buffer.from(bytes) } }, async (request, context) => {
        this.calls.Predict += 1;
        return this.#predict(request, context);
      }),
      unaryMethod(getModelMetadataRpc, ({ modelSpec }, context) => {
        this.calls.GetModelMetadata += 1;
        this.#checkModel(modelSpec);
        this.#setHints(context);
        return { modelSpec: this.#answeredSpec(''), signatures: new Map([[script.signatureName, script.signature]]) };
      }),
      unaryMethod(getModelStatusRpc, ({ modelSpec }) => {
        this.calls.GetModelStatus += 1;
        if (modelSpec?.name !== script.modelName) throw new GrpcStatusError(status.NOT_FOUND, `Could not find any versions of model ${modelSpec?.name ?? ''}`);
        return { versions: [{ version: script.version, state: script.state, errorCode: 0, errorMessage: '' }, ...script.otherVersions] };
      }),
      unaryMethod(healthCheckRpc, ({ service }) => {
        this.calls.Check += 1;
        if (script.health === null) throw new GrpcStatusError(status.UNIMPLEMENTED, 'The server does not implement the method /grpc.health.v1.Health/Check');
        const state = typeof script.health === 'string' ? script.health : script.health[service];
        if (state === undefined) throw new GrpcStatusError(status.NOT_FOUND, '');
        return { status: state };
      }),
    ];
  }

  async #predict(request: PredictRequest, context: CallContext): Promise<Buffer> {
    const script = this.script;
    const seen: SeenPredict = {
      modelSpec: request.modelSpec,
      inputs: new Map([...request.inputs].map(([name, proto]) => [name, decodeTensor(proto, { name })])),
      outputFilter: request.outputFilter,
      beginMs: null,
      cancelled: false,
    };
    if (script.records) this.requests.push(seen);
    context.signal.addEventListener('abort', () => {
      seen.cancelled = true;
    });
    if (script.delayMs > 0) await delay(script.delayMs, undefined, { signal: context.signal });
    if (script.hang) await new Promise((_resolve, reject) => { context.signal.addEventListener('abort', reject); });
    if (script.failWith !== null) throw new GrpcStatusError(script.failWith.grpcCode, script.failWith.message);
    this.#checkModel(request.modelSpec);
    const signatureName = request.modelSpec?.signatureName === '' ? 'serving_default' : (request.modelSpec?.signatureName ?? '');
    if (signatureName !== script.signatureName) throw new GrpcStatusError(status.FAILED_PRECONDITION, `Serving signature key "${signatureName}" not found.`);
    this.#setHints(context);
    if (script.serviceMs !== null) await this.#compute(seen, script.serviceMs, context);
    if (script.rawAnswer !== null) return script.rawAnswer;
    const all = script.predict === null ? this.#detect(seen) : await script.predict(seen, context);
    if (Buffer.isBuffer(all)) return all;
    const wanted = Object.entries(all).filter(([name]) => seen.outputFilter.length === 0 || seen.outputFilter.includes(name));
    const outputs = new Map(wanted.map(([name, tensor]) => [name, encodeTensor(tensor, script.answerForm)]));
    return predictRpc.response.encode({ modelSpec: this.#answeredSpec(signatureName), outputs });
  }

  async #compute(seen: SeenPredict, time: ServiceTime, { signal }: CallContext): Promise<void> {
    const images = [...seen.inputs.values()][0]?.shape[0] ?? 0;
    const turn = this.#thread.book(images, time, this.script.maxQueued);
    seen.beginMs = turn.beginMs;
    await turnEnds(turn, signal);
  }

  #detect(seen: SeenPredict): Record<string, Tensor> {
    const { detections } = this.script;
    const input = [...seen.inputs.values()][0];
    const count = input?.shape[0] ?? 0;
    const lists = Array.from({ length: count }, (_, index) => (typeof detections === 'function' ? detections(index, seen) : detections));
    return detectionOutputs(lists, this.script.maxDetections);
  }

  #checkModel(spec: ModelSpec | null): void {
    if (spec === null) throw new GrpcStatusError(status.INVALID_ARGUMENT, 'Missing ModelSpec');
    const serves = this.script.state === 'AVAILABLE';
    if (spec.name !== this.script.modelName || (spec.version === null && !serves)) throw new GrpcStatusError(status.NOT_FOUND, `Servable not found for request: Latest(${spec.name})`);
    if (spec.version !== null && (spec.version !== this.script.version || !serves)) throw new GrpcStatusError(status.NOT_FOUND, `Servable not found for request: Specific(${spec.name}, ${spec.version})`);
  }

  #answeredSpec(signatureName: string): ModelSpec {
    return { name: this.script.modelName, version: this.script.version, versionLabel: null, signatureName };
  }

  #setHints(context: CallContext): void {
    for (const [key, value] of Object.entries(hintsToHeaders(this.script.hints))) context.setHeader(key, value);
  }
}

/** Starts a stand-in on a free port. */
export function startFakeServing(script: Partial<FakeScript> = {}): Promise<FakeServing> {
  return new FakeServing(script).start();
}

/** The four outputs of an Object Detection API model for one list of detections an image, as float tensors with `maxDetections` rows. */
export function detectionOutputs(lists: readonly (readonly FakeDetection[])[], maxDetections: number): Record<string, Tensor> {
  const count = lists.length;
  const boxes = new Float32Array(count * maxDetections * 4);
  const classes = new Float32Array(count * maxDetections);
  const scores = new Float32Array(count * maxDetections);
  lists.forEach((list, image) => {
    list.slice(0, maxDetections).forEach((detection, row) => {
      const at = image * maxDetections + row;
      boxes.set(detection.box, at * 4);
      classes[at] = detection.classId;
      scores[at] = detection.score;
    });
  });
  return {
    detection_boxes: { dtype: 'float', shape: [count, maxDetections, 4], data: boxes },
    detection_classes: { dtype: 'float', shape: [count, maxDetections], data: classes },
    detection_scores: { dtype: 'float', shape: [count, maxDetections], data: scores },
    num_detections: { dtype: 'float', shape: [count], data: Float32Array.from(lists, (list) => Math.min(list.length, maxDetections)) },
  };
}

/** Signature of an Object Detection API model, TensorFlow 1 style: any batch, any size. */
export function detectionSignature(input: Partial<TensorInfo> = {}, inputName = 'inputs'): SignatureDef {
  const float = (name: string, shape: number[]): [string, TensorInfo] => [name, { name: `${name}:0`, dtype: 'float', shape }];
  return {
    inputs: new Map([[inputName, { name: 'image_tensor:0', dtype: 'uint8', shape: [-1, -1, -1, 3], ...input }]]),
    outputs: new Map([float('detection_boxes', [-1, 100, 4]), float('detection_classes', [-1, 100]), float('detection_scores', [-1, 100]), float('num_detections', [-1])]),
    methodName: 'tensorflow/serving/predict',
  };
}

function defaultScript(): FakeScript {
  return {
    modelName: 'default',
    version: '1',
    signatureName: 'serving_default',
    signature: detectionSignature(),
    detections: [],
    maxDetections: 100,
    predict: null,
    answerForm: 'values',
    delayMs: 0,
    serviceMs: null,
    maxQueued: null,
    failWith: null,
    hang: false,
    rawAnswer: null,
    hints: NO_HINTS,
    state: 'AVAILABLE',
    otherVersions: [],
    health: 'SERVING',
    records: true,
  };
}
