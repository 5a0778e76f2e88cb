import { dirname, join } from 'node:path';
import { z } from 'zod';
import { DTYPE_NUMBERS } from '../../../serving/dtypes.js';
import { dtypeFromNumber } from '../../../serving/tensor.js';
import { nodesFromGraphDef, parsePort } from './from-graph-def.js';
import { endpointAt, placeholderInputs, unreadOutputs } from './graph-endpoints.js';
import { graphDefType, type GraphDefMessage } from './graph-messages.js';
import { graphProblem, readBounded } from './graph-problem.js';
import type { TfEndpoint, TfGraph, TfNode } from './tf-graph.js';
import { readTfjsWeights, type WeightSpec } from './tfjs-weights.js';

const MAX_MODEL_JSON_BYTES = 64 * 1024 * 1024;
const MAX_WEIGHT_BYTES = 2 ** 30;
const EXPECTATION = 'expected the model.json of a TensorFlow.js graph model';

const weightSpec = z.object({
  name: z.string(),
  shape: z.array(z.int().min(0)),
  dtype: z.string(),
  quantization: z.object({ dtype: z.string(), scale: z.number().optional(), min: z.number().optional() }).optional(),
});
const size = z.union([z.int(), z.string().regex(/^-?[0-9]{1,15}$/)]);
const tensorInfo = z.object({
  name: z.string(),
  dtype: z.union([z.string(), z.int()]).optional(),
  tensorShape: z.object({ dim: z.array(z.object({ size: size.optional() })).optional(), unknownRank: z.boolean().optional() }).optional(),
});
const signature = z.object({ inputs: z.record(z.string(), tensorInfo).optional(), outputs: z.record(z.string(), tensorInfo).optional() });
const modelJson = z.object({
  modelTopology: z.record(z.string(), z.unknown()),
  weightsManifest: z.array(z.object({ paths: z.array(z.string()), weights: z.array(weightSpec) })),
  signature: signature.nullish(),
  userDefinedMetadata: z.object({ signature: signature.nullish() }).nullish(),
});

/** Reads a graph model of TensorFlow.js with its weights; quantised ones are expanded. Inputs and outputs are those of its signature, else its placeholders and the nodes that nobody reads.
 * @param modelJsonPath the weight files lie beside it
 * @throws {ConfigError} when a file is missing, too large or none, or names what is not beside it */
export async function readTfjsGraph(modelJsonPath: string): Promise<TfGraph> {
  const model = parse(await readBounded(modelJsonPath, MAX_MODEL_JSON_BYTES), modelJsonPath);
  const specs = model.weightsManifest.flatMap((group) => group.weights) as WeightSpec[];
  const weights = readTfjsWeights(specs, await readWeightFiles(model.weightsManifest.flatMap((group) => group.paths), modelJsonPath), modelJsonPath);
  const nodes = nodesFromGraphDef(graphDef(model.modelTopology, modelJsonPath), modelJsonPath, weights);
  const given = model.signature ?? model.userDefinedMetadata?.signature ?? {};
  const inputs = endpoints(given.inputs ?? {}, nodes, modelJsonPath);
  const outputs = endpoints(given.outputs ?? {}, nodes, modelJsonPath);
  return { nodes, inputs: inputs.length > 0 ? inputs : placeholderInputs(nodes), outputs: outputs.length > 0 ? outputs : unreadOutputs(nodes) };
}

function parse(bytes: Buffer, path: string): z.infer<typeof modelJson> {
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw graphProblem(path, '', `it is not JSON: ${EXPECTATION}`);
  }
  if (typeof json === 'object' && json !== null && 'format' in json && json.format === 'layers-model') throw graphProblem(path, 'format', `it is a layers model: ${EXPECTATION} (tensorflowjs_converter --output_format tfjs_graph_model makes one)`);
  const { data, error } = modelJson.safeParse(json);
  if (data === undefined) throw graphProblem(path, error.issues[0]?.path.join('.') ?? '', `${error.issues[0]?.message ?? 'not valid'}: ${EXPECTATION}`);
  return data;
}

async function readWeightFiles(names: readonly string[], modelJsonPath: string): Promise<Buffer> {
  const parts: Buffer[] = [];
  let total = 0;
  for (const name of names) {
    // A manifest comes from outside: it names files of its own folder and no others.
    if (!/^[\w.-]+$/.test(name) || name.startsWith('.')) throw graphProblem(modelJsonPath, 'weightsManifest', `it names the weight file ${JSON.stringify(name)}: expected a file name beside it`);
    const part = await readBounded(join(dirname(modelJsonPath), name), MAX_WEIGHT_BYTES - total);
    total += part.byteLength;
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/** The topology is a GraphDef in protobuf's JSON form: bytes in base64, 64-bit integers as strings, enumerations by name. */
function graphDef(topology: Record<string, unknown>, path: string): GraphDefMessage {
  try {
    return graphDefType().fromObject(topology) as unknown as GraphDefMessage;
  } catch (error) {
    throw graphProblem(path, 'modelTopology', `not a graph of TensorFlow (${error instanceof Error ? error.message : String(error)}): ${EXPECTATION}`);
  }
}

function endpoints(infos: Readonly<Record<string, z.infer<typeof tensorInfo>>>, nodes: ReadonlyMap<string, TfNode>, path: string): TfEndpoint[] {
  return Object.entries(infos).flatMap(([name, info]) => {
    const port = parsePort(info.name);
    const node = port === null ? undefined : nodes.get(port.node);
    if (port === null || node === undefined) throw graphProblem(path, `signature ${name}`, `it names ${JSON.stringify(info.name)}, which the graph does not have`);
    const known = endpointAt(nodes, name, port);
    // What a converter has left of a hash table or an iterator is no tensor.
    const number = typeof info.dtype === 'number' ? info.dtype : (DTYPE_NUMBERS as Readonly<Record<string, number>>)[(info.dtype ?? '').replace(/^DT_/, '').toLowerCase()];
    const dtype = number === undefined ? known.dtype : dtypeFromNumber(number);
    if (dtype === null) return [];
    const dims = info.tensorShape?.unknownRank === true ? undefined : info.tensorShape?.dim;
    return [{ ...known, dtype, shape: dims === undefined ? known.shape : dims.map((dim) => Math.max(-1, Number(dim.size ?? -1))) }];
  });
}
