import type { TfjsTensor } from '../../src/model-server/engines/tfjs-module.js';

/** A scripted stand-in for @tensorflow/tfjs-node that counts its tensors and keeps what it is given. Its graph takes pictures of 8x8 and finds two things in each; its SavedModel answers
 * with the outputs that it is told. */
export class ScriptedTfjs {
  tensors = 0;
  /** What every run fails with. */
  failure: string | null = null;
  /** Graphs with control flow run asynchronously only. */
  asyncOnly = false;
  /** Declared by the graph. */
  inputs = [{ name: 'x', shape: [-1, 8, 8, 3], dtype: 'float32' }];
  savedOutputs: Record<string, { shape: number[]; values: ArrayLike<number> }> = {};
  readonly seen: { shape: readonly number[]; dtype: string; values: number[] }[] = [];
  readonly loadedFolders: string[] = [];
  disposals = 0;

  readonly module = {
    version: { 'tfjs-core': '4.99.0' },
    tensor: (values: ArrayLike<number>, shape: number[], dtype: string): TfjsTensor => {
      this.seen.push({ shape, dtype, values: Array.from(values) });
      return this.#tensor(shape, Array.from(values));
    },
    memory: () => ({ numTensors: this.tensors }),
    loadGraphModel: async (handler: { load: () => Promise<unknown> }) => {
      await handler.load();
      const answer = (names: string[]): TfjsTensor[] => {
        if (this.failure !== null) throw new Error(this.failure);
        const count = this.seen.at(-1)?.shape[0] ?? 1;
        const rows = Array.from({ length: count }, () => [0, 0, 4, 4, 0.75, 0, 4, 4, 8, 8, 0.5, 74]).flat();
        return names.map((name) => (name === 'found' ? this.#tensor([count, 2, 6], rows) : this.#tensor([1, 2, 2, 1], [0, 0, 0, 0])));
      };
      return {
        inputs: this.inputs,
        outputs: [{ name: 'heat', dtype: 'float32' }, { name: 'found', dtype: 'float32' }],
        execute: (_inputs: unknown, names: string[]) => {
          if (this.asyncOnly) throw new Error('This execution contains the node, which has the dynamic op. Please use model.executeAsync() instead.');
          return answer(names);
        },
        executeAsync: async (_inputs: unknown, names: string[]) => Promise.resolve(answer(names)),
        dispose: () => void (this.disposals += 1),
      };
    },
    node: {
      loadSavedModel: (folder: string, tags: string[], signature: string) => {
        this.loadedFolders.push(`${folder} ${tags.join()} ${signature}`);
        return Promise.resolve({
          predict: () => {
            if (this.failure !== null) throw new Error(this.failure);
            return Object.fromEntries(Object.entries(this.savedOutputs).map(([name, { shape, values }]) => [name, this.#tensor(shape, values)]));
          },
          dispose: () => void (this.disposals += 1),
        });
      },
    },
  };

  #tensor(shape: readonly number[], values: ArrayLike<number>): TfjsTensor {
    this.tensors += 1;
    return { shape, data: () => Promise.resolve(values), dispose: () => void (this.tensors -= 1) };
  }
}
