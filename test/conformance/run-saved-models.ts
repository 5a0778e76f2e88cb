import { askPython } from './python.js';

/** Pictures `[n, height, width, 3]`, one after the other. */
export type PictureBatch = { readonly shape: readonly number[]; readonly data: Buffer };
export type SavedModelAnswer = {
  readonly outputs: Readonly<Record<string, { readonly shape: readonly number[]; readonly dtype: string; readonly values: readonly number[] }>>;
  /** Largest difference of a value when TensorFlow 2 runs the model as a function. */
  readonly functionOff: number;
};
export type RanSavedModel = { readonly loader: string; readonly operators: readonly string[]; readonly answers: readonly SavedModelAnswer[] };

/** Runs SavedModels in TensorFlow.
 * @returns for each model what the loader said, and an answer a batch */
export function runSavedModels(models: readonly { readonly folder: string; readonly batches: readonly PictureBatch[] }[]): Promise<RanSavedModel[]> {
  const asked = models.map(({ folder, batches }) => ({ folder, shapes: batches.map(({ shape }) => shape) }));
  return askPython('run_saved_model.py', [JSON.stringify(asked)], Buffer.concat(models.flatMap(({ batches }) => batches.map(({ data }) => data))));
}
