import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigError } from '../../../../src/core/errors.js';
import { graphDefType } from '../../../../src/model-server/export/graph/graph-messages.js';
import { readFrozenGraph } from '../../../../src/model-server/export/graph/read-frozen-graph.js';
import { readTfjsGraph } from '../../../../src/model-server/export/graph/read-tfjs-graph.js';
import { DTYPE_NUMBERS } from '../../../../src/serving/dtypes.js';

let folder = '';
let count = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'graphs-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

type Json = Record<string, unknown>;

function node(name: string, op: string, input: string[] = [], attr: Json = {}): Json {
  return { name, op, input, attr };
}

const PLACEHOLDER = node('x', 'Placeholder', [], { dtype: { type: 'DT_FLOAT' }, shape: { shape: { dim: [{ size: '-1' }, { size: '2' }] } } });

/** A model.json with its weight file. */
async function tfjs(change: Json = {}, weights: Buffer = Buffer.alloc(0)): Promise<string> {
  const name = `m${++count}`;
  const json = { format: 'graph-model', modelTopology: { node: [PLACEHOLDER, node('y', 'Relu', ['x'], { T: { type: 'DT_FLOAT' } })] }, weightsManifest: [{ paths: [`${name}.bin`], weights: [] }], ...change };
  const path = join(folder, `${name}.json`);
  await writeFile(path, JSON.stringify(json, (_key, value: unknown) => (value === 'WEIGHTS' ? `${name}.bin` : value)));
  await writeFile(join(folder, `${name}.bin`), weights);
  return path;
}

async function frozen(...nodes: Json[]): Promise<string> {
  const path = join(folder, `f${++count}.pb`);
  const message = graphDefType().fromObject({ node: nodes });
  await writeFile(path, graphDefType().encode(message).finish());
  return path;
}

function weight(name: string, dtype: string, shape: number[], quantization?: Json): Json {
  return { name, dtype, shape, ...(quantization === undefined ? {} : { quantization }) };
}

describe('readTfjsGraph', () => {
  it('expands weights of every kind', async () => {
    const specs = [
      weight('f', 'float32', [2]),
      weight('h', 'float32', [2], { dtype: 'float16', original_dtype: 'float32' }),
      weight('u8', 'float32', [3], { dtype: 'uint8', scale: 0.5, min: -1 }),
      weight('u16', 'float32', [1], { dtype: 'uint16', scale: 0.25, min: 2 }),
      weight('i', 'int32', [1]),
      weight('qi', 'int32', [2], { dtype: 'uint8', scale: 2, min: -3 }),
      weight('b', 'bool', [2]),
    ];
    const bytes = Buffer.concat([Buffer.from(Float32Array.of(1.5, -2).buffer), Buffer.from(Uint16Array.of(0x3c00, 0xc000).buffer), Buffer.of(0, 1, 255), Buffer.from(Uint16Array.of(1000).buffer), Buffer.from(Int32Array.of(-7).buffer), Buffer.of(0, 9), Buffer.of(0, 1)]);
    const names = specs.map((spec) => spec['name'] as string);
    const nodes = [PLACEHOLDER, ...names.map((name) => node(name, 'Const', [], { dtype: { type: 'DT_FLOAT' }, value: { tensor: { dtype: 'DT_FLOAT', tensorShape: {} } } })), node('y', 'IdentityN', ['x', ...names])];
    const graph = await readTfjsGraph(await tfjs({ modelTopology: { node: nodes }, weightsManifest: [{ paths: ['WEIGHTS'], weights: specs }] }, bytes));
    const values = names.map((name) => {
      const value = graph.nodes.get(name)?.attrs.get('value');
      return value?.kind === 'tensor' ? [value.value.dtype, [...value.value.shape], Array.from(value.value.data as Float32Array)] : null;
    });
    expect(values).toEqual([
      ['float', [2], [1.5, -2]],
      ['float', [2], [1, -2]],
      ['float', [3], [-1, -0.5, 126.5]],
      ['float', [1], [252]],
      ['int32', [1], [-7]],
      ['int32', [2], [-3, 15]],
      ['bool', [2], [0, 1]],
    ]);
  });

  it('takes inputs and outputs from the signature, with names, types and shapes', async () => {
    const signature = {
      inputs: { image: { name: 'x:0', dtype: 'DT_FLOAT', tensorShape: { dim: [{ size: '1' }, { size: '2' }] } } },
      outputs: { second: { name: 'y:1', dtype: 'DT_INT32', tensorShape: { dim: [{ size: '-1' }] } } },
    };
    const nodes = [node('y', 'TopKV2', ['x', 'k']), node('k', 'Const', ['^x'], { value: { tensor: { dtype: 'DT_INT32', tensorShape: {}, intVal: [1] } } }), PLACEHOLDER];
    const graph = await readTfjsGraph(await tfjs({ modelTopology: { node: nodes }, signature }));
    expect(graph.inputs).toEqual([{ name: 'image', port: { node: 'x', index: 0 }, dtype: 'float', shape: [1, 2] }]);
    expect(graph.outputs).toEqual([{ name: 'second', port: { node: 'y', index: 1 }, dtype: 'int32', shape: [-1] }]);
    // Every node behind those it reads, control inputs left out.
    expect([...graph.nodes.keys()]).toEqual(['x', 'k', 'y']);
    expect(graph.nodes.get('k')?.inputs).toEqual([]);
  });

  it('reads attributes of every kind', async () => {
    const attr = {
      s: { s: Buffer.from('SAME').toString('base64') }, i: { i: '-3' }, f: { f: 0.5 }, b: { b: false }, t: { type: 'DT_HALF' }, sh: { shape: { unknownRank: true } }, fn: { func: { name: 'body', attr: { n: { i: '1' } } } },
      l: { list: { i: ['1', '2'] } }, ls: { list: { s: [Buffer.from('a').toString('base64')] } },
    };
    const graph = await readTfjsGraph(await tfjs({ modelTopology: { node: [PLACEHOLDER, node('y', 'Relu', ['x'], attr)] } }));
    expect(Object.fromEntries(graph.nodes.get('y')?.attrs ?? [])).toEqual({
      s: { kind: 'string', value: 'SAME' }, i: { kind: 'int', value: -3 }, f: { kind: 'float', value: 0.5 }, b: { kind: 'bool', value: false }, t: { kind: 'type', value: 'half' }, sh: { kind: 'shape', value: null },
      fn: { kind: 'function', name: 'body', attrs: new Map([['n', { kind: 'int', value: 1 }]]) },
      l: { kind: 'list', values: [{ kind: 'int', value: 1 }, { kind: 'int', value: 2 }] }, ls: { kind: 'list', values: [{ kind: 'string', value: 'a' }] },
    });
  });

  it.each<[string, Json, string]>([
    ['a layers model', { format: 'layers-model' }, 'it is a layers model'],
    ['no topology', { modelTopology: undefined }, 'modelTopology'],
    ['weights of another folder', { weightsManifest: [{ paths: ['../secret.bin'], weights: [] }] }, 'expected a file name beside it'],
    ['an absolute path', { weightsManifest: [{ paths: ['/etc/passwd'], weights: [] }] }, 'expected a file name beside it'],
    ['a weight file that is not there', { weightsManifest: [{ paths: ['gone.bin'], weights: [] }] }, 'gone.bin: cannot be read (no such file)'],
    ['too few weights', { weightsManifest: [{ paths: ['WEIGHTS'], weights: [weight('w', 'float32', [4])] }] }, 'weightsManifest w: the weight files end before it'],
    ['weights that fill a terabyte', { weightsManifest: [{ paths: ['WEIGHTS'], weights: [weight('w', 'float32', [2 ** 20, 2 ** 20])] }] }, 'the weight files end before it'],
    ['weights of strings', { weightsManifest: [{ paths: ['WEIGHTS'], weights: [weight('w', 'string', [1])] }] }, 'weights of type string are not supported'],
    ['an input that does not exist', { modelTopology: { node: [node('y', 'Relu', ['z'])] } }, 'node y: it reads from z, which does not exist'],
    ['two nodes of one name', { modelTopology: { node: [PLACEHOLDER, PLACEHOLDER] } }, 'there are two nodes with the name "x"'],
    ['a topology that is none', { modelTopology: { node: 5 } }, 'not a graph of TensorFlow'],
    ['a signature that names nothing', { signature: { outputs: { y: { name: 'nothing:0' } } } }, 'signature y: it names "nothing:0"'],
    ['a constant that asks for a terabyte', { modelTopology: { node: [node('c', 'Const', [], { value: { tensor: { dtype: 'DT_FLOAT', tensorShape: { dim: [{ size: String(2 ** 38) }] }, floatVal: [1] } } })] } }, 'node c.value'],
  ])('refuses %s', async (_what, change, message) => {
    const path = await tfjs(change);
    await expect(readTfjsGraph(path)).rejects.toThrow(ConfigError);
    await expect(readTfjsGraph(path)).rejects.toThrow(message);
  });

  it('refuses bytes behind the weights, and what is no JSON', async () => {
    await expect(readTfjsGraph(await tfjs({}, Buffer.alloc(3)))).rejects.toThrow('the weight files have 3 bytes, the manifest names 0');
    await writeFile(join(folder, 'no.json'), 'no');
    await expect(readTfjsGraph(join(folder, 'no.json'))).rejects.toThrow('it is not JSON');
    await expect(readTfjsGraph(join(folder, 'gone.json'))).rejects.toThrow('cannot be read (no such file)');
  });
});

describe('readFrozenGraph', () => {
  it('takes placeholders as inputs, and what nobody reads as outputs', async () => {
    const path = await frozen(
      PLACEHOLDER,
      node('w', 'Const', [], { dtype: { type: DTYPE_NUMBERS.float }, value: { tensor: { dtype: 'DT_FLOAT', tensorShape: { dim: [{ size: '2' }] }, floatVal: [3] } } }),
      node('w/read', 'Identity', ['w'], { T: { type: 'DT_FLOAT' } }),
      node('sum', 'Add', ['x', 'w/read'], { T: { type: 'DT_FLOAT' } }),
      node('best', 'ArgMax', ['sum', 'axis'], { T: { type: 'DT_FLOAT' } }),
      node('axis', 'Const', [], { value: { tensor: { dtype: 'DT_INT32', tensorShape: {}, intVal: [1] } } }),
      node('flag', 'Greater', ['sum', 'w']),
      node('init', 'NoOp', ['^sum']),
    );
    const graph = await readFrozenGraph(path);
    expect(graph.inputs).toEqual([{ name: 'x', port: { node: 'x', index: 0 }, dtype: 'float', shape: [-1, 2] }]);
    expect(graph.outputs.map(({ name, dtype }) => [name, dtype])).toEqual([['best', 'int64'], ['flag', 'bool']]);
    const value = graph.nodes.get('w')?.attrs.get('value');
    // One value fills the shape.
    expect(value?.kind === 'tensor' ? Array.from(value.value.data as Float32Array) : null).toEqual([3, 3]);
  });

  it('refuses what is no graph, has variables, or nothing to put in', async () => {
    await writeFile(join(folder, 'text.pb'), 'node { name: "x" }');
    await expect(readFrozenGraph(join(folder, 'text.pb'))).rejects.toThrow(ConfigError);
    await expect(readFrozenGraph(await frozen(PLACEHOLDER, node('v', 'VarHandleOp')))).rejects.toThrow('node v: it is a variable, so the graph is not frozen');
    await expect(readFrozenGraph(await frozen(node('c', 'Const')))).rejects.toThrow('it has no placeholder');
  });
});
