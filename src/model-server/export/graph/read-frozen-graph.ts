import { nodesFromGraphDef } from './from-graph-def.js';
import { placeholderInputs, unreadOutputs } from './graph-endpoints.js';
import { graphDefType, type GraphDefMessage } from './graph-messages.js';
import { graphProblem, readBounded } from './graph-problem.js';
import type { TfGraph } from './tf-graph.js';

/** What Node reads at once. */
const MAX_GRAPH_BYTES = 2 ** 31 - 1;
const VARIABLES = /^(Variable|VariableV2|VarHandleOp|ReadVariableOp)$/;

/** Reads a frozen graph of TensorFlow (`.pb`, a GraphDef): its inputs are its placeholders, its outputs the nodes that nobody reads.
 * @throws {ConfigError} when it is none, has variables, no placeholder or no output */
export async function readFrozenGraph(path: string): Promise<TfGraph> {
  const nodes = nodesFromGraphDef(parse(await readBounded(path, MAX_GRAPH_BYTES), path), path);
  const variable = [...nodes.values()].find(({ op }) => VARIABLES.test(op));
  if (variable !== undefined) throw graphProblem(path, `node ${variable.name}`, 'it is a variable, so the graph is not frozen: freeze it (convert_variables_to_constants_v2), or give the SavedModel it comes from');
  const graph = { nodes, inputs: placeholderInputs(nodes), outputs: unreadOutputs(nodes) };
  if (graph.inputs.length === 0) throw graphProblem(path, '', 'it has no placeholder: expected a frozen graph of TensorFlow (GraphDef)');
  if (graph.outputs.length === 0) throw graphProblem(path, '', 'it has no output: every node is read by another');
  return graph;
}

function parse(bytes: Buffer, path: string): GraphDefMessage {
  try {
    return graphDefType().decode(bytes) as unknown as GraphDefMessage;
  } catch (error) {
    throw graphProblem(path, '', `not a frozen graph of TensorFlow (GraphDef): ${error instanceof Error ? error.message : String(error)}`);
  }
}
