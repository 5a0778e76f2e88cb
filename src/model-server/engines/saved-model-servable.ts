import type { SignatureDef } from '../../serving/metadata-messages.js';
import { NUMERIC_LAYOUTS, type DType, type Tensor } from '../../serving/tensor.js';
import { checkInputs } from './check-inputs.js';
import { runProblem } from './engine-problems.js';
import type { LoadedServable } from './engine.js';
import type { TfjsDType, TfjsModule, TfjsSavedModel, TfjsTensor } from './tfjs-module.js';

/** What tensors travel in inside TensorFlow.js: it makes bytes and 64-bit integers of int32 where a SavedModel takes them, and int32 of them where it gives them. */
const TFJS_DTYPES: Partial<Record<DType, TfjsDType>> = { float: 'float32', int32: 'int32', uint8: 'int32', int64: 'int32', bool: 'bool' };

/** Names the first input or output of a signature whose elements do not travel through TensorFlow.js, or `null`. */
export function foreignTensor(signature: SignatureDef): { readonly name: string; readonly dtype: string } | null {
  for (const [name, { dtype }] of [...signature.inputs, ...signature.outputs]) if (!Object.hasOwn(TFJS_DTYPES, dtype)) return { name, dtype };
  return null;
}

/** A SavedModel in native TensorFlow, run by named tensors. */
export class SavedModelServable implements LoadedServable {
  readonly signature: SignatureDef;
  readonly #tf: TfjsModule;
  readonly #model: TfjsSavedModel;
  readonly #engineName: string;
  #closed = false;

  /** @param signature without a {@link foreignTensor} */
  constructor(tf: TfjsModule, model: TfjsSavedModel, signature: SignatureDef, engineName: string) {
    this.signature = signature;
    this.#tf = tf;
    this.#model = model;
    this.#engineName = engineName;
  }

  async run(inputs: ReadonlyMap<string, Tensor>, outputNames: readonly string[]): Promise<Map<string, Tensor>> {
    checkInputs(this.signature, inputs);
    const given: Record<string, TfjsTensor> = {};
    let answer: Record<string, TfjsTensor> = {};
    try {
      for (const [name, tensor] of inputs) given[name] = this.#toTfjs(tensor);
      answer = named(this.#model.predict(given), this.signature);
      const outputs = new Map<string, Tensor>();
      for (const name of outputNames) outputs.set(name, await this.#fromTfjs(name, answer[name]));
      return outputs;
    } catch (error) {
      throw runProblem(this.#engineName, error);
    } finally {
      for (const tensor of [...Object.values(given), ...Object.values(answer)]) tensor.dispose();
    }
  }

  tensorCount(): number {
    return this.#tf.memory().numTensors;
  }

  close(): Promise<void> {
    if (!this.#closed) this.#model.dispose();
    this.#closed = true;
    return Promise.resolve();
  }

  #toTfjs(tensor: Tensor): TfjsTensor {
    const shape = [...tensor.shape];
    const dtype = TFJS_DTYPES[tensor.dtype] ?? 'float32';
    const { data } = tensor;
    if (data instanceof Float32Array || data instanceof Int32Array || data instanceof Uint8Array) return this.#tf.tensor(data, shape, dtype);
    return this.#tf.tensor(Int32Array.from(data as Iterable<bigint>, Number), shape, dtype);
  }

  async #fromTfjs(name: string, tensor: TfjsTensor | undefined): Promise<Tensor> {
    const dtype = this.signature.outputs.get(name)?.dtype as Exclude<DType, 'string'> | undefined;
    if (tensor === undefined || dtype === undefined) throw new Error(`the SavedModel has no output ${name}`);
    return { dtype, shape: [...tensor.shape], data: toArray(await tensor.data(), dtype) } as Tensor;
  }
}

function toArray(values: ArrayLike<number>, dtype: Exclude<DType, 'string'>): Exclude<Tensor['data'], readonly Buffer[]> {
  if (dtype === 'int64') return BigInt64Array.from(Array.from(values, BigInt));
  const { array } = NUMERIC_LAYOUTS[dtype];
  if (values instanceof array) return values;
  const data = new array(values.length);
  (data as Float32Array).set(values);
  return data;
}

/** One output, or outputs in the order of the signature, are told by their names too. */
function named(answer: ReturnType<TfjsSavedModel['predict']>, signature: SignatureDef): Record<string, TfjsTensor> {
  if (!Array.isArray(answer) && !isTensor(answer)) return answer;
  const tensors = Array.isArray(answer) ? answer : [answer];
  const names = [...signature.outputs.keys()];
  return Object.fromEntries(tensors.map((tensor, index) => [names[index] ?? String(index), tensor]));
}

function isTensor(answer: TfjsTensor | Record<string, TfjsTensor>): answer is TfjsTensor {
  return typeof answer.dispose === 'function';
}
