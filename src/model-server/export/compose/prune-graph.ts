import type { OnnxAttr, OnnxGraph, OnnxNode } from '../onnx/onnx-model.js';

/** Takes away what no output depends on, in graphs inside the graph too: heads that are not asked for would be computed all the same, and constants that nobody reads are warned of. */
export function pruneGraph(graph: OnnxGraph): OnnxGraph {
  const needed = new Set(graph.outputs.map(({ name }) => name));
  const kept: OnnxNode[] = [];
  // Every node comes after those it reads from.
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((name) => needed.has(name))) continue;
    const pruned = { ...node, attrs: new Map([...node.attrs].map(([name, attr]): [string, OnnxAttr] => [name, attr.kind === 'graph' ? { kind: 'graph', value: pruneGraph(attr.value) } : attr])) };
    for (const name of namesRead(pruned)) needed.add(name);
    kept.push(pruned);
  }
  return { ...graph, nodes: kept.toReversed(), initializers: graph.initializers.filter(({ name }) => needed.has(name)) };
}

/** What a node reads, its inner graphs included: they may read what lies around them. */
function namesRead(node: OnnxNode): readonly string[] {
  const inner = [...node.attrs.values()].flatMap((attr) => (attr.kind === 'graph' ? [...attr.value.nodes.flatMap((child) => namesRead(child)), ...attr.value.outputs.map(({ name }) => name)] : []));
  return [...node.inputs, ...inner];
}
