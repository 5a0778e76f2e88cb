import type { DTypeName } from '../../../serving/dtypes.js';
import { boolAttr, intAttr, stringAttr, typeAttr } from './attr-values.js';
import type { TfValue } from './graph-def-builder.js';
import type { TfOperators } from './tf-operators.js';

/** A tensor that a turn of the loop gives: -1 where a size is unknown, `null` when not even the rank is known. */
export type LoopOutput = { readonly dtype: DTypeName; readonly shape: readonly number[] | null };

/** Turns that TensorFlow may compute at the same time, each with memory of its own. */
const PARALLEL_TURNS = 2;
const FRAME = 'batches';

/** Runs a graph that takes exactly `batchSize` entries on any number of them: a loop as `tf.while_loop` writes it (Enter, Merge, Switch, NextIteration, Exit), which TensorFlow has had on all
 * devices since its first version, and which needs no function. The last batch is filled up with zeros.
 * @param entries `[n, a, b, c]`
 * @param outputs what `body` gives, `[batchSize, …]` each
 * @param body adds the graph to the loop: from a batch to its outputs
 * @returns `[n, …]` each */
export function addBatchLoop(tf: TfOperators, entries: TfValue, batchSize: number, outputs: readonly LoopOutput[], body: (batch: TfValue) => readonly TfValue[]): TfValue[] {
  const count = tf.element(tf.shapeOf(entries), 0);
  const turns = batchSize === 1 ? count : tf.binary('FloorDiv', tf.binary('Add', count, tf.int(batchSize - 1)), tf.int(batchSize));
  const filled = batchSize === 1 ? entries : fillUp(tf, entries, tf.binary('Sub', tf.binary('Mul', turns, tf.int(batchSize)), count));
  const lists = outputs.map(({ dtype, shape }) => tf.node('TensorListReserve', [elementShape(tf, shape), turns], { element_dtype: typeAttr(dtype), shape_type: typeAttr('int32') }, 'variant'));

  const enteredTurns = enter(tf, turns, true);
  const enteredEntries = enter(tf, filled, true);
  const [turn, ...listLoops] = [tf.int(0), ...lists].map((initial) => startLoopVariable(tf, initial)) as [LoopVariable, ...LoopVariable[]];
  const condition = tf.node('LoopCond', [tf.compare('Less', turn.merged, enteredTurns)], {}, 'bool');
  const index = turn.enterBody(condition);
  const listsInBody = listLoops.map((variable) => variable.enterBody(condition));
  tf.graph.insideLoop(index.ref, () => {
    const begin = tf.binary('Mul', index, tf.int(batchSize));
    const zero = tf.int(0);
    const batch = tf.slice(enteredEntries, tf.pack([begin, zero, zero, zero]), tf.ints([batchSize, -1, -1, -1]));
    body(batch).forEach((value, at) => {
      const list = listsInBody[at];
      if (list !== undefined) listLoops[at]?.goOn(tf.node('TensorListSetItem', [list, index, value], { element_dtype: typeAttr(value.dtype), resize_if_index_out_of_bounds: boolAttr(false) }, 'variant'));
    });
    turn.goOn(tf.binary('Add', index, tf.int(1)));
  });
  return outputs.map(({ dtype, shape }, at) => {
    const list = listLoops[at]?.exit(condition);
    if (list === undefined) throw new RangeError('Expected a list for each output');
    const stacked = tf.node('TensorListStack', [list, elementShape(tf, shape)], { element_dtype: typeAttr(dtype), num_elements: intAttr(-1) }, dtype);
    return joinBatches(tf, stacked, turns, batchSize, count);
  });
}

/** A value that each turn takes over from the one before. */
type LoopVariable = {
  /** At the start of each turn, the first included. */
  readonly merged: TfValue;
  /** @returns its value in turns that take place */
  enterBody(condition: TfValue): TfValue;
  /** @param next its value in the next turn */
  goOn(next: TfValue): void;
  /** @returns its value after the last turn */
  exit(condition: TfValue): TfValue;
};

function startLoopVariable(tf: TfOperators, initial: TfValue): LoopVariable {
  const { graph } = tf;
  const { dtype } = initial;
  const entered = enter(tf, initial, false);
  const next = graph.reserve('NextIteration');
  const merged: TfValue = { ref: graph.add('Merge', [entered.ref, next], { T: typeAttr(dtype), N: intAttr(2) }), dtype };
  let branches: TfValue | null = null;
  const switched = (condition: TfValue): TfValue => (branches ??= tf.node('Switch', [merged, condition], { T: typeAttr(dtype) }, dtype));
  return {
    merged,
    enterBody: (condition) => tf.unary('Identity', { ref: `${switched(condition).ref}:1`, dtype }),
    goOn: (value) => void graph.addNamed(next, 'NextIteration', [value.ref], { T: typeAttr(dtype) }),
    exit: (condition) => tf.node('Exit', [switched(condition)], { T: typeAttr(dtype) }, dtype),
  };
}

function enter(tf: TfOperators, value: TfValue, isConstant: boolean): TfValue {
  const attrs = { T: typeAttr(value.dtype), frame_name: stringAttr(FRAME), is_constant: boolAttr(isConstant), parallel_iterations: intAttr(PARALLEL_TURNS) };
  return tf.node('Enter', [value], attrs, value.dtype);
}

function fillUp(tf: TfOperators, entries: TfValue, missing: TfValue): TfValue {
  const zero = tf.int(0);
  const none = tf.pack([zero, zero]);
  return tf.pad(entries, tf.pack([tf.pack([zero, missing]), none, none, none]), tf.cast(zero, entries.dtype));
}

/** `[turns, batchSize, …]` → `[count, …]` */
function joinBatches(tf: TfOperators, stacked: TfValue, turns: TfValue, batchSize: number, count: TfValue): TfValue {
  const rest = tf.vectorPart(tf.shapeOf(stacked), 2, null);
  const all = tf.binary('Mul', turns, tf.int(batchSize));
  const joined = tf.reshape(stacked, tf.concat([tf.pack([all]), rest], 0));
  if (batchSize === 1) return joined;
  // The first `count` of what may have any rank.
  const indices = tf.node('Range', [tf.int(0), count, tf.int(1)], { Tidx: typeAttr('int32') }, 'int32');
  return tf.gather(joined, indices);
}

/** A size of -1 is unknown, and -1 by itself the whole shape. */
function elementShape(tf: TfOperators, shape: readonly number[] | null): TfValue {
  return shape === null ? tf.int(-1) : tf.ints(shape);
}
