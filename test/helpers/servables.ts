import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { COCO_IDS } from '../../src/core/coco-ids.js';
import { SERVED_SIGNATURE } from '../../src/model-server/served-signature.js';
import type { InputRecipe, Recipe } from '../../src/model-server/store/recipe.js';
import type { ServableFolder, ServableManifest } from '../../src/model-server/store/servable-manifest.js';
import type { SignatureDef, TensorInfo } from '../../src/serving/metadata-messages.js';

/** Where {@link writeRowsGraph} puts its graph. */
export const ROWS_GRAPH_FILE = 'model.json';
/** Side of what that graph looks at, px. */
export const ROWS_GRAPH_SIDE = 8;
/** Rows that it finds in every picture. */
export const ROWS_GRAPH_ROWS = 32;

export const PLAIN_INPUT: InputRecipe = {
  name: 'x',
  size: { widthPx: ROWS_GRAPH_SIDE, heightPx: ROWS_GRAPH_SIDE },
  layout: 'nhwc',
  dtype: 'float',
  resize: 'letterbox',
  channels: 'rgb',
  mean: [0, 0, 0],
  deviation: [1, 1, 1],
  batchSize: null,
};

/** Of {@link writeRowsGraph}. */
export const ROWS_RECIPE: Recipe = { input: PLAIN_INPUT, output: { kind: 'rows', output: 'rows', boxUnits: 'pixels', classIds: COCO_IDS, nms: null } };

/** A folder of a servable, as it would be read: a detector with nothing in it. */
export function servableFolder(path: string, changes: Partial<Omit<ServableManifest, 'files'>> & { readonly files?: Partial<ServableManifest['files']> } = {}): ServableFolder {
  const { files, ...rest } = changes;
  return {
    path,
    version: '1',
    manifest: {
      format: 1,
      kind: 'detection',
      source: { name: 'model.json', kind: 'tfjs', sha256: '0'.repeat(64) },
      producer: 'sightline 0.0.0',
      signature: SERVED_SIGNATURE,
      inputSize: PLAIN_INPUT.size,
      recipe: ROWS_RECIPE,
      files: { onnx: null, tfjs: null, savedModel: false, labels: null, ...files },
      ...rest,
    },
  };
}

/** A signature of tensors that are told by element type and shape. */
export function signatureOf(inputs: Readonly<Record<string, readonly [string, readonly number[] | null]>>, outputs: typeof inputs): SignatureDef {
  const infos = (of: typeof inputs): Map<string, TensorInfo> => new Map(Object.entries(of).map(([name, [dtype, shape]]) => [name, { name: `${name}:0`, dtype, shape }]));
  return { inputs: infos(inputs), outputs: infos(outputs), methodName: 'tensorflow/serving/predict' };
}

/** Writes a TensorFlow.js graph that takes pictures of 8x8 and gives their values back, six by six, as rows `[n, 32, 6]`: what it "finds" is written in the picture itself.
 * @param batch declared number of pictures, -1: any @param width values a row */
export async function writeRowsGraph(folder: string, { batch = -1, width = 6, declaredSide = ROWS_GRAPH_SIDE }: { batch?: number; width?: number; declaredSide?: number } = {}): Promise<void> {
  const dims = (sizes: readonly number[]): object => ({ shape: { dim: sizes.map((size) => ({ size: String(size) })) } });
  const topology = {
    node: [
      { name: 'x', op: 'Placeholder', attr: { dtype: { type: 'DT_FLOAT' }, shape: dims([batch, declaredSide, declaredSide, 3]) } },
      { name: 'sizes', op: 'Const', attr: { dtype: { type: 'DT_INT32' }, value: { tensor: { dtype: 'DT_INT32', tensorShape: { dim: [{ size: '3' }] } } } } },
      { name: 'rows', op: 'Reshape', input: ['x', 'sizes'], attr: { T: { type: 'DT_FLOAT' }, Tshape: { type: 'DT_INT32' } } },
    ],
    library: {},
    versions: {},
  };
  const weights = [{ name: 'sizes', shape: [3], dtype: 'int32' }];
  await writeFile(join(folder, ROWS_GRAPH_FILE), JSON.stringify({ format: 'graph-model', modelTopology: topology, weightsManifest: [{ paths: ['weights.bin'], weights }] }));
  const values = ROWS_GRAPH_SIDE * ROWS_GRAPH_SIDE * 3;
  await writeFile(join(folder, 'weights.bin'), Buffer.from(Int32Array.of(-1, values / width, width).buffer));
}

/** A picture of 8x8 in which {@link writeRowsGraph} finds these rows: x1, y1, x2, y2, score, class index, all of them bytes. */
export function pictureOfRows(rows: readonly (readonly number[])[]): Buffer {
  const picture = Buffer.alloc(ROWS_GRAPH_SIDE * ROWS_GRAPH_SIDE * 3);
  rows.forEach((row, index) => picture.set(row, index * 6));
  return picture;
}
