import * as ort from 'onnxruntime-node';
import { composeServable } from '../../../../src/model-server/export/compose/compose-servable.js';
import { encodeOnnxModel } from '../../../../src/model-server/export/onnx/onnx-codec.js';
import type { OnnxModel } from '../../../../src/model-server/export/onnx/onnx-model.js';
import type { Recipe } from '../../../../src/model-server/store/recipe.js';

export type Pictures = { readonly count: number; readonly heightPx: number; readonly widthPx: number; readonly data: Uint8Array };
export type Answer = ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>;

/** A composed model in memory. */
export type Runner = { readonly run: (pictures: Pictures) => Promise<Answer>; readonly outputNames: readonly string[] };

/** Composes a servable and loads it. */
export async function loadComposed(core: OnnxModel, recipe: Recipe): Promise<Runner> {
  return loadModel(composeServable(core, recipe).model);
}

/** Loads a model that takes `inputs`, pictures. */
export async function loadModel(model: OnnxModel): Promise<Runner> {
  const session = await ort.InferenceSession.create(encodeOnnxModel(model), { intraOpNumThreads: 1, logSeverityLevel: 4 });
  return {
    outputNames: session.outputNames,
    run: async ({ count, heightPx, widthPx, data }) => {
      const results = await session.run({ inputs: new ort.Tensor('uint8', data, [count, heightPx, widthPx, 3]) });
      return new Map(Object.entries(results).map(([name, { dims, data }]) => [name, { shape: dims, data: data as Float32Array }]));
    },
  };
}

/** Numbers of one picture of an answer. */
export function pictureOf(answer: Answer, name: string, picture: number): number[] {
  const output = answer.get(name);
  if (output === undefined) throw new Error(`there is no output ${name}`);
  const size = output.shape.slice(1).reduce((product, side) => product * side, 1);
  return Array.from(output.data.subarray(picture * size, (picture + 1) * size));
}
