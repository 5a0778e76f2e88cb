import type { OnnxGraph, OnnxNode } from '../onnx/onnx-model.js';

/** A graph without nodes and constants that its outputs do not need. */
export function withoutUnused(graph: OnnxGraph): OnnxGraph {
  const used = new Set(graph.outputs.map(({ name }) => name));
  const nodes: OnnxNode[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((name) => used.has(name))) continue;
    nodes.push(node);
    for (const name of readBy(node)) used.add(name);
  }
  return { ...graph, nodes: nodes.reverse(), initializers: graph.initializers.filter(({ name }) => used.has(name)) };
}

/** What a node and the graphs inside it read. */
function readBy(node: OnnxNode): string[] {
  const inner = [...node.attrs.values()].flatMap((attr) => (attr.kind === 'graph' ? [...attr.value.nodes.flatMap(readBy), ...attr.value.outputs.map(({ name }) => name)] : []));
  return [...node.inputs, ...inner];
}
