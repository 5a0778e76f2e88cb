import { attr } from '../../onnx/onnx-builder.js';
import type { GraphWriter } from '../graph-writer.js';
import type { NodeView } from '../node-view.js';
import type { OperatorTable, Translation } from '../operator-table.js';
import type { Value } from '../value.js';

/** "To the end" for ONNX's Slice; the other way round with its sign changed. */
const TO_END = 2 ** 62;

/** What happens along one axis of the result or the input. */
type Step =
  | { readonly kind: 'new' }
  | { readonly kind: 'all'; readonly axis: number }
  /** One element, and the axis goes. `entry`: which of begin, end and strides. */
  | { readonly kind: 'one'; readonly axis: number; readonly entry: number }
  | { readonly kind: 'range'; readonly axis: number; readonly entry: number; readonly stride: number; readonly fromStart: boolean; readonly toEnd: boolean };

/** `x[begin:end:stride, …]` as NumPy writes it, with bit masks for what is left out. */
const stridedSlice: Translation = (node, writer) => {
  const [value, begin, end] = [node.input(0), node.input(1), node.input(2)];
  const strides = node.constantInts(3, 'strides');
  const plan = steps(node, strides, node.rank(0));
  const ranges = plan.filter((step) => step.kind === 'range').filter((step) => !(step.fromStart && step.toEnd && step.stride === 1));
  let name = writer.plain(value);
  if (ranges.length > 0) {
    const starts = bounds(ranges.map((step) => ({ entry: step.entry, open: step.fromStart ? (step.stride > 0 ? 0 : TO_END) : null })), begin, writer);
    const ends = bounds(ranges.map((step) => ({ entry: step.entry, open: step.toEnd ? (step.stride > 0 ? TO_END : -TO_END) : null })), end, writer);
    name = writer.builder.op('Slice', [name, starts, ends, writer.builder.ints(ranges.map(({ axis }) => axis)), writer.builder.ints(ranges.map(({ stride }) => stride))]);
  }
  // From the last axis on, so that those in front keep their places.
  for (const step of plan.filter((each) => each.kind === 'one').reverse()) {
    const known = begin.ints?.[step.entry] ?? null;
    const index = known === null ? writer.builder.op('Gather', [writer.int64List(begin), writer.builder.int(step.entry)]) : writer.builder.int(known);
    name = writer.builder.op('Gather', [name, index], { axis: attr.int(step.axis) });
  }
  const left = plan.filter(({ kind }) => kind !== 'one');
  const added = left.flatMap(({ kind }, index) => (kind === 'new' ? [index] : []));
  if (added.length > 0) name = writer.builder.op('Unsqueeze', [name, writer.builder.ints(added)]);
  const shape = left.map((step) => (step.kind === 'new' ? 1 : step.kind === 'range' ? rangeSize(step, value, begin, end) : (value.shape?.[step.axis] ?? null)));
  return writer.followed(name, value.dtype, shape, followedInts(plan, value, begin, end));
};

function steps(node: NodeView, strides: readonly number[], rank: number): readonly Step[] {
  const has = (mask: string, entry: number): boolean => Math.floor(node.int(mask, 0) / 2 ** entry) % 2 === 1;
  const ellipsis = strides.findIndex((_, entry) => has('ellipsis_mask', entry));
  const taken = strides.filter((_, entry) => entry !== ellipsis && !(has('new_axis_mask', entry))).length;
  if (taken > rank) throw node.problem(`it slices ${taken} axes of a value that has ${rank}`);
  const plan: Step[] = [];
  let axis = 0;
  const all = (count: number): void => {
    for (let index = 0; index < count; index += 1) plan.push({ kind: 'all', axis: axis++ });
  };
  for (const [entry, stride] of strides.entries()) {
    if (entry === ellipsis) all(rank - taken);
    else if (has('new_axis_mask', entry)) plan.push({ kind: 'new' });
    else if (has('shrink_axis_mask', entry)) plan.push({ kind: 'one', axis: axis++, entry });
    else plan.push({ kind: 'range', axis: axis++, entry, stride, fromStart: has('begin_mask', entry), toEnd: has('end_mask', entry) });
  }
  all(rank - axis);
  return plan;
}

/** One bound a range: as given, or open. */
function bounds(ranges: readonly { readonly entry: number; readonly open: number | null }[], given: Value, writer: GraphWriter): string {
  const known = ranges.map(({ entry, open }) => open ?? given.ints?.[entry] ?? null);
  if (known.every((bound) => bound !== null)) return writer.builder.ints(known);
  const list = writer.int64List(given);
  const each = known.map((bound, index) => (bound === null ? writer.builder.op('Gather', [list, writer.builder.ints([ranges[index]?.entry ?? 0])]) : writer.builder.ints([bound])));
  return writer.builder.op('Concat', each, { axis: attr.int(0) });
}

type Range = Extract<Step, { kind: 'range' }>;

/** Where a range begins, how far it goes: as NumPy bounds it. `null`: not known. */
function resolved({ axis, entry, stride, fromStart, toEnd }: Range, value: Value, begin: Value, end: Value): { readonly from: number; readonly count: number } | null {
  const size = value.shape?.[axis] ?? null;
  const [low, high] = [begin.ints?.[entry] ?? null, end.ints?.[entry] ?? null];
  if (size === null || (low === null && !fromStart) || (high === null && !toEnd)) return null;
  const [least, most] = stride > 0 ? [0, size] : [-1, size - 1];
  const bound = (given: number): number => Math.min(Math.max(given < 0 ? given + size : given, least), most);
  const from = fromStart ? (stride > 0 ? 0 : size - 1) : bound(low ?? 0);
  const to = toEnd ? (stride > 0 ? size : -1) : bound(high ?? 0);
  return { from, count: Math.max(0, Math.ceil((to - from) / stride)) };
}

function rangeSize(step: Range, value: Value, begin: Value, end: Value): number | null {
  return resolved(step, value, begin, end)?.count ?? null;
}

/** The elements of a list that are left, as far as they are known. */
function followedInts(plan: readonly Step[], value: Value, begin: Value, end: Value): readonly (number | null)[] | null {
  const { ints } = value;
  const [step, ...more] = plan;
  if (ints === null || step === undefined || more.length > 0) return null;
  if (step.kind === 'all') return ints;
  if (step.kind === 'one') {
    const index = begin.ints?.[step.entry] ?? null;
    return index === null ? null : [ints[index < 0 ? index + ints.length : index] ?? null];
  }
  const range = step.kind === 'range' ? resolved(step, value, begin, end) : null;
  if (range === null || step.kind !== 'range') return null;
  return Array.from({ length: range.count }, (_, index) => ints[range.from + index * step.stride] ?? null);
}

export const STRIDED_SLICE: OperatorTable = { StridedSlice: stridedSlice };
