import { outputDType } from './output-dtype.js';
import type { TfEndpoint, TfNode, TfPort } from './tf-graph.js';

/** Operators whose answer means nothing to anybody outside. */
const SILENT = /^(NoOp|Assert|Const|Placeholder|PlaceholderWithDefault|Print|PrintV2)$/;

/** The inputs of a graph without a signature: its placeholders. */
export function placeholderInputs(nodes: ReadonlyMap<string, TfNode>): TfEndpoint[] {
  return [...nodes.values()].filter(({ op }) => op === 'Placeholder').map(({ name }) => endpointAt(nodes, name, { node: name, index: 0 }));
}

/** The outputs of a graph without a signature: the first answer of each node that nobody reads. */
export function unreadOutputs(nodes: ReadonlyMap<string, TfNode>): TfEndpoint[] {
  const read = new Set([...nodes.values()].flatMap(({ inputs }) => inputs.map(({ node }) => node)));
  return [...nodes.values()].filter(({ name, op }) => !read.has(name) && !SILENT.test(op)).map(({ name }) => endpointAt(nodes, name, { node: name, index: 0 }));
}

/** What the graph itself tells of a value. */
export function endpointAt(nodes: ReadonlyMap<string, TfNode>, name: string, port: TfPort): TfEndpoint {
  const node = nodes.get(port.node);
  const shapes = node?.attrs.get('_output_shapes');
  const noted = node?.op === 'Placeholder' ? node.attrs.get('shape') : shapes?.kind === 'list' ? shapes.values[port.index] : undefined;
  return { name, port, dtype: outputDType(nodes, port), shape: noted?.kind === 'shape' ? noted.value : null };
}
