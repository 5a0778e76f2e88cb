import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { GrpcStatus } from '../../serving/grpc-status.js';
import type { SignatureDef, TensorInfo } from '../../serving/metadata-messages.js';
import type { Tensor } from '../../serving/tensor.js';
import type { ServableFolder } from '../store/servable-manifest.js';
import { checkInputs, shapeText } from './check-inputs.js';
import { oneLine, runProblem, servableProblem } from './engine-problems.js';
import type { Engine, LoadedServable } from './engine.js';
import type { OrtModule, OrtSession, OrtSessionOptions, OrtTensor, OrtValueMetadata } from './onnxruntime-module.js';
import { fromOrtTensor, fromOrtType, toOrtTensor } from './onnxruntime-tensors.js';
import { refusal } from './refusals.js';
import { warmUp } from './warm-up.js';

/** An ONNX model that hands bytes through, 65 bytes long: enough to find out whether a device can be used. IR version 8, operator set 13, `y = Identity(x)`, uint8 `[n]`. */
const IDENTITY_MODEL = Buffer.from('CAhCAhANOjkKEAoBeBIBeSIISWRlbnRpdHkSAWdaEAoBeBILCgkIAhIFCgMSAW5iEAoBeRILCgkIAhIFCgMSAW4=', 'base64');
const LOG_FATAL_ONLY = 4;
/** What ONNX Runtime says when the fault lies with the tensors that it was given. */
const CALLERS_FAULT = /^(?:Unexpected input data type|Invalid rank for input|Got invalid dimensions for input|input '.*' is missing)/;

/** Starts ONNX Runtime: on CUDA where its library and a device are there, else on the CPU.
 *
 * Its other devices are left alone: WebGPU is slower than the CPU on machines that draw in software, and TensorRT builds for minutes.
 * @param warn is told why CUDA is not used although its library is installed */
export async function createOnnxRuntimeEngine(ort: OrtModule, warn: (line: string) => void): Promise<Engine> {
  // It writes its errors to standard error beside throwing them.
  ort.env.logLevel = 'fatal';
  const problem = await problemOf(ort, 'cuda');
  const hasCuda = problem === null;
  if (!hasCuda && hasCudaLibrary()) warn(`ONNX Runtime's CUDA provider is installed but does not work (${problem}): computing on the CPU, which is slower`);
  if (!hasCuda) await session(ort, IDENTITY_MODEL, 'cpu', 1).then((probe) => probe.release());
  return new OnnxRuntimeEngine(ort, hasCuda ? 'cuda' : 'cpu');
}

class OnnxRuntimeEngine implements Engine {
  readonly name = 'onnxruntime';
  readonly version: string;
  readonly device: string;
  readonly #ort: OrtModule;
  readonly #provider: string;

  constructor(ort: OrtModule, provider: 'cuda' | 'cpu') {
    this.version = ort.env.versions.node ?? ort.env.versions.common;
    this.device = provider.toUpperCase();
    this.#ort = ort;
    this.#provider = provider;
  }

  refuses(servable: ServableFolder): string | null {
    return refusal(this.name, servable);
  }

  async load(servable: ServableFolder, { threads }: { readonly threads: number }): Promise<LoadedServable> {
    const { path, manifest } = servable;
    if (manifest.files.onnx === null) throw servableProblem(path, 'does not run on onnxruntime: it has no model.onnx');
    const file = join(path, manifest.files.onnx);
    const model = await session(this.#ort, file, this.#provider, threads).catch((error: unknown) => {
      throw servableProblem(file, `does not load: ${oneLine(error)}`);
    });
    const loaded = new OnnxServable(this.#ort, model, manifest.signature);
    const misfit = findMisfit(model, manifest.signature);
    if (misfit === null) return warmUp(loaded, manifest, file);
    await loaded.close();
    throw servableProblem(file, `is not the model that its servable.json describes: ${misfit}`);
  }
}

class OnnxServable implements LoadedServable {
  readonly signature: SignatureDef;
  readonly #ort: OrtModule;
  readonly #session: OrtSession;
  #closing: Promise<void> | null = null;

  constructor(ort: OrtModule, model: OrtSession, signature: SignatureDef) {
    this.signature = signature;
    this.#ort = ort;
    this.#session = model;
  }

  async run(inputs: ReadonlyMap<string, Tensor>, outputNames: readonly string[]): Promise<Map<string, Tensor>> {
    checkInputs(this.signature, inputs);
    const feeds: Record<string, OrtTensor> = {};
    let answer: Record<string, OrtTensor> = {};
    try {
      for (const [name, tensor] of inputs) feeds[name] = toOrtTensor(this.#ort, name, tensor);
      answer = await this.#session.run(feeds, outputNames);
      return new Map(Object.entries(answer).map(([name, tensor]) => [name, fromOrtTensor(tensor)]));
    } catch (error) {
      throw runProblem('onnxruntime', error, CALLERS_FAULT.test(oneLine(error)) ? GrpcStatus.INVALID_ARGUMENT : GrpcStatus.INTERNAL);
    } finally {
      for (const tensor of [...Object.values(feeds), ...Object.values(answer)]) tensor.dispose();
    }
  }

  tensorCount(): number {
    return 0;
  }

  close(): Promise<void> {
    this.#closing ??= this.#session.release();
    return this.#closing;
  }
}

/** Measured with the default model, pictures of 13 sizes, batches up to 8, one thread: 95–130 ms of processor time an image whatever is chosen. With the arena up to 300 MB resident, of which
 * closing leaves 105–155; without it 185–255, and closing frees nothing. Plans of memory are kept for each shape that comes by: 50 MB more, and pictures have many shapes. */
function session(ort: OrtModule, model: string | Uint8Array, provider: string, threads: number): Promise<OrtSession> {
  const options: OrtSessionOptions = {
    executionProviders: provider === 'cpu' ? ['cpu'] : [provider, 'cpu'],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
    executionMode: 'sequential',
    enableCpuMemArena: true,
    enableMemPattern: false,
    logSeverityLevel: LOG_FATAL_ONLY,
    // Threads that spin while they wait take the cores from ffmpeg and from drawing: two threads on two busy cores took 150 ms of CPU an image with it, 85 without.
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  };
  return ort.InferenceSession.create(model, options);
}

/** Whether the library for CUDA, which the package does not bring along, lies where it is looked for; ONNX Runtime's own message is the same with and without. */
function hasCudaLibrary(): boolean {
  try {
    const bindings = join(dirname(createRequire(import.meta.url).resolve('onnxruntime-node')), '..', 'bin', 'napi-v6', process.platform, process.arch);
    return existsSync(join(bindings, process.platform === 'win32' ? 'onnxruntime_providers_cuda.dll' : 'libonnxruntime_providers_cuda.so'));
  } catch {
    // The package is not where Node looks for it: a stand-in of a test.
    return false;
  }
}

/** Why a device cannot be used, one line; `null`: it can. */
async function problemOf(ort: OrtModule, provider: string): Promise<string | null> {
  try {
    const probe = await session(ort, IDENTITY_MODEL, provider, 1);
    await probe.release();
    return null;
  } catch (error) {
    return oneLine(error);
  }
}

/** Says where a model's inputs and outputs are not what a signature says; `null`: nowhere. */
function findMisfit(model: OrtSession, signature: SignatureDef): string | null {
  return findMisfits('input', model.inputMetadata, signature.inputs, true) ?? findMisfits('output', model.outputMetadata, signature.outputs, false);
}

/** @param isExact whether there must be no others */
function findMisfits(what: string, found: readonly OrtValueMetadata[], expected: ReadonlyMap<string, TensorInfo>, isExact: boolean): string | null {
  for (const [name, info] of expected) {
    const value = found.find((candidate) => candidate.name === name);
    if (value === undefined) return `it has no ${what} ${name}`;
    if (!value.isTensor || fromOrtType(value.type) !== info.dtype) return `its ${what} ${name} is of ${value.isTensor ? value.type : 'another kind'}, not of ${info.dtype}`;
    const shape = value.shape.map((size) => (typeof size === 'number' ? size : -1));
    if (info.shape !== null && !canBeEqual(shape, info.shape)) return `its ${what} ${name} has the shape ${shapeText(shape)}, not ${shapeText(info.shape)}`;
  }
  const extra = isExact ? found.find(({ name }) => !expected.has(name)) : undefined;
  return extra === undefined ? null : `it has the ${what} ${extra.name} too`;
}

/** Models often leave sizes of their outputs open, or even all of them. */
function canBeEqual(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, axis) => size === -1 || b[axis] === -1 || size === b[axis]);
}
