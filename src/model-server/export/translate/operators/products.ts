import { attr } from '../../onnx/onnx-builder.js';
import { transposeTensor } from '../constant-tensor.js';
import type { GraphWriter } from '../graph-writer.js';
import type { NodeView } from '../node-view.js';
import type { OperatorTable, Translation } from '../operator-table.js';
import { broadcastShapes, permuted, type Shape, type Value } from '../value.js';
import { applyFused, biasOf } from './fused.js';

/** A value with its last two axes swapped: now where it is a constant. */
function adjoint(value: Value, node: NodeView, writer: GraphWriter): Value {
  const rank = value.shape?.length;
  if (rank === undefined || rank < 2) throw node.problem('the number of axes of its inputs is not known');
  const permutation = Array.from({ length: rank }, (_, axis) => (axis < rank - 2 ? axis : 2 * rank - 3 - axis));
  if (value.tensor !== null) return writer.constant(transposeTensor(value.tensor, permutation));
  return writer.value(writer.builder.op('Transpose', [writer.plain(value)], { perm: attr.ints(permutation) }), value.dtype, permuted(value.shape ?? [], permutation));
}

function productShape(a: Shape | null, b: Shape | null): Shape | null {
  if (a === null || b === null || a.length < 2 || b.length < 2) return null;
  const batch = broadcastShapes(a.slice(0, -2), b.slice(0, -2));
  return batch === null ? null : [...batch, a.at(-2) ?? null, b.at(-1) ?? null];
}

/** @param names of the attributes that swap the axes of either side */
function matMul(names: readonly [string, string]): Translation {
  return (node, writer) => {
    const [a, b] = names.map((name, index) => (node.bool(name) ? adjoint(node.input(index), node, writer) : node.input(index))) as [Value, Value];
    const product = writer.builder.op('MatMul', [writer.plain(a), writer.plain(b)]);
    const bias = biasOf(node);
    const name = bias === null ? product : writer.builder.op('Add', [product, writer.plain(bias)]);
    return applyFused(node, writer.value(name, a.dtype, productShape(a.shape, b.shape)), writer);
  };
}

const einsum: Translation = (node, writer) => {
  const equation = node.text('equation', '').replaceAll(' ', '');
  const name = writer.builder.op('Einsum', node.inputs.map((value) => writer.plain(value)), { equation: attr.text(equation) });
  return writer.value(name, node.input(0).dtype, einsumShape(equation, node.inputs));
};

/** `null` for equations with an ellipsis, or without an arrow. */
function einsumShape(equation: string, inputs: readonly Value[]): Shape | null {
  const [left = '', right] = equation.split('->');
  if (right === undefined || equation.includes('.')) return null;
  const sizes = new Map<string, number | null>();
  left.split(',').forEach((term, index) => {
    [...term].forEach((letter, axis) => sizes.set(letter, sizes.get(letter) ?? inputs[index]?.shape?.[axis] ?? null));
  });
  return [...right].map((letter) => sizes.get(letter) ?? null);
}

export const PRODUCTS: OperatorTable = {
  MatMul: matMul(['transpose_a', 'transpose_b']),
  _FusedMatMul: matMul(['transpose_a', 'transpose_b']),
  BatchMatMul: matMul(['adj_x', 'adj_y']),
  BatchMatMulV2: matMul(['adj_x', 'adj_y']),
  Einsum: einsum,
};
