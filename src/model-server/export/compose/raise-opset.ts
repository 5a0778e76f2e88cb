import { ConfigError } from '../../../core/errors.js';
import { int64Content } from '../onnx/onnx-tensor.js';
import type { OnnxAttr, OnnxGraph, OnnxModel, OnnxNode, OnnxTensor } from '../onnx/onnx-model.js';

/** The oldest operator set whose changes since are known here; PyTorch has written it since 2020. */
const OLDEST_OPSET = 11;

/** What a node becomes. */
type Raised = { readonly nodes: readonly OnnxNode[]; readonly initializers: readonly OnnxTensor[] };

/** Raises ONNX's own operator set to `target` (18 at most), so that operators of both can stand in one graph. Between 11 and 18 few operators changed what they compute or how they are told:
 * the axes of reductions, Squeeze, Unsqueeze and the sizes of Split became inputs, Softmax lost its flattening, RoiAlign moved by half a pixel.
 * @returns the model itself where its set is new enough
 * @throws {ConfigError} when its set is older than 11, or it has an operator that cannot be raised
 * @see Changelog.md of ONNX */
export function raiseOpset(model: OnnxModel, target: number): OnnxModel {
  const version = model.opsets.get('') ?? target;
  if (version >= target) return model;
  if (version < OLDEST_OPSET) throw problem(`it is written for operator set ${version}: export it with opset ${OLDEST_OPSET} or newer (18 is best)`);
  const names = new NewNames();
  return { ...model, opsets: new Map([...model.opsets, ['', target]]), graph: raiseGraph(model.graph, version, names) };
}

function raiseGraph(graph: OnnxGraph, version: number, names: NewNames): OnnxGraph {
  const initializers = [...graph.initializers];
  const nodes = graph.nodes.flatMap((node) => {
    const attrs = new Map([...node.attrs].map(([name, attr]): [string, OnnxAttr] => [name, attr.kind === 'graph' ? { kind: 'graph', value: raiseGraph(attr.value, version, names) } : attr]));
    const raised = node.domain === '' ? raiseNode({ ...node, attrs }, version, names) : { nodes: [{ ...node, attrs }], initializers: [] };
    initializers.push(...raised.initializers);
    return raised.nodes;
  });
  return { ...graph, nodes, initializers };
}

/** Names that no exporter makes up. */
class NewNames {
  #count = 0;

  next(): string {
    this.#count += 1;
    return `sightline.raised.${this.#count}`;
  }
}

function raiseNode(node: OnnxNode, version: number, names: NewNames): Raised {
  switch (node.opType) {
    case 'ReduceL1':
    case 'ReduceL2':
    case 'ReduceLogSum':
    case 'ReduceLogSumExp':
    case 'ReduceMax':
    case 'ReduceMean':
    case 'ReduceMin':
    case 'ReduceProd':
    case 'ReduceSumSquare':
      return attributeToInput(node, 'axes', names);
    case 'ReduceSum':
    case 'Squeeze':
    case 'Unsqueeze':
      return version < 13 ? attributeToInput(node, 'axes', names) : unchanged(node);
    case 'Split':
      return raiseSplit(node, version, names);
    case 'Softmax':
    case 'LogSoftmax':
    case 'Hardmax':
      return version < 13 ? raiseSoftmax(node, names) : unchanged(node);
    case 'Dropout':
      // It passes everything on, whatever its ratio: there is no training here.
      return version < 12 ? unchanged(withAttrs(node, { ratio: null })) : unchanged(node);
    case 'RoiAlign':
      return version < 16 ? unchanged(withAttrs(node, { coordinate_transformation_mode: { kind: 'string', value: 'output_half_pixel' } })) : unchanged(node);
    case 'Resize': {
      const mode = node.attrs.get('coordinate_transformation_mode');
      if (mode?.kind === 'string' && mode.value === 'tf_half_pixel_for_nn') throw problem(`its Resize ${node.name} places pixels as ${mode.value}, which newer operator sets do not know: export it with opset 18`);
      return unchanged(node);
    }
    default:
      return unchanged(node);
  }
}

function raiseSplit(node: OnnxNode, version: number, names: NewNames): Raised {
  if (version < 13 && node.attrs.has('split')) return attributeToInput(node, 'split', names);
  if ((node.inputs[1] ?? '') !== '') return unchanged(node);
  return unchanged(withAttrs(node, { num_outputs: { kind: 'int', value: node.outputs.length } }));
}

/** Before 13 everything from `axis` (default 1) on was one row; now `axis` is the row. */
function raiseSoftmax(node: OnnxNode, names: NewNames): Raised {
  const axis = node.attrs.get('axis');
  const [shape, flat, soft] = [names.next(), names.next(), names.next()];
  const [input = ''] = node.inputs;
  return {
    nodes: [
      plainNode(shape, 'Shape', [input], [shape]),
      plainNode(flat, 'Flatten', [input], [flat], { axis: axis ?? { kind: 'int', value: 1 } }),
      { ...withAttrs(node, { axis: { kind: 'int', value: -1 } }), inputs: [flat], outputs: [soft] },
      plainNode(names.next(), 'Reshape', [soft, shape], node.outputs),
    ],
    initializers: [],
  };
}

/** Gives a list that was an attribute as second input. */
function attributeToInput(node: OnnxNode, name: string, names: NewNames): Raised {
  const attr = node.attrs.get(name);
  if (attr?.kind !== 'ints') return unchanged(node);
  const input = names.next();
  return { nodes: [{ ...withAttrs(node, { [name]: null }), inputs: [node.inputs[0] ?? '', input] }], initializers: [{ ...int64Content(attr.values), name: input }] };
}

function unchanged(node: OnnxNode): Raised {
  return { nodes: [node], initializers: [] };
}

/** @param changes `null` takes an attribute away */
function withAttrs(node: OnnxNode, changes: Readonly<Record<string, OnnxAttr | null>>): OnnxNode {
  const attrs = new Map(node.attrs);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) attrs.delete(name);
    else attrs.set(name, value);
  }
  return { ...node, attrs };
}

function plainNode(name: string, opType: string, inputs: readonly string[], outputs: readonly string[], attrs: Readonly<Record<string, OnnxAttr>> = {}): OnnxNode {
  return { name, opType, domain: '', inputs, outputs, attrs: new Map(Object.entries(attrs)) };
}

function problem(message: string): ConfigError {
  return new ConfigError([{ file: null, path: 'model', message }]);
}
