import { DTYPE_NUMBERS } from '../../../serving/dtypes.js';
import { dtypeFromNumber, type DType } from '../../../serving/tensor.js';
import type { TfNode, TfPort } from './tf-graph.js';

/** Operators whose answer is of one type whatever goes in. */
const FIXED: Readonly<Record<string, DType>> = {
  Equal: 'bool', NotEqual: 'bool', Less: 'bool', LessEqual: 'bool', Greater: 'bool', GreaterEqual: 'bool', All: 'bool', Any: 'bool',
  LogicalAnd: 'bool', LogicalOr: 'bool', LogicalNot: 'bool', IsNan: 'bool', IsInf: 'bool', IsFinite: 'bool', Where: 'int64', Rank: 'int32',
  NonMaxSuppressionV2: 'int32', NonMaxSuppressionV3: 'int32',
};
/** Attributes that name the type of the answer, the telling ones first, with what they are when left out. */
const TYPE_ATTRS: readonly { readonly ops: RegExp; readonly attr: string; readonly otherwise: DType }[] = [
  { ops: /^Cast$/, attr: 'DstT', otherwise: 'float' },
  { ops: /^(ArgMax|ArgMin)$/, attr: 'output_type', otherwise: 'int64' },
  { ops: /^(Shape|ShapeN|Size)$/, attr: 'out_type', otherwise: 'int32' },
  { ops: /^Range$/, attr: 'Tidx', otherwise: 'int32' },
];

/** Element type of what a node gives, as its operator and attributes tell it, else that of its first input.
 * @returns `float` where nothing tells */
export function outputDType(nodes: ReadonlyMap<string, TfNode>, port: TfPort): DType {
  let at = port;
  for (let steps = 0; steps < nodes.size; steps += 1) {
    const node = nodes.get(at.node);
    if (node === undefined) break;
    const own = ownDType(node, at.index);
    if (own !== null) return own;
    // Condition first.
    const next = node.inputs[/^Select(V2)?$/.test(node.op) ? 1 : 0];
    if (next === undefined) break;
    at = next;
  }
  return 'float';
}

function ownDType(node: TfNode, index: number): DType | null {
  if (node.op === 'TopKV2' && index === 1) return typeAttr(node, 'index_type') ?? 'int32';
  if (/^NonMaxSuppressionV[45]$/.test(node.op)) return node.op.endsWith('5') && index === 1 ? 'float' : 'int32';
  const fixed = FIXED[node.op];
  if (fixed !== undefined) return fixed;
  const rule = TYPE_ATTRS.find(({ ops }) => ops.test(node.op));
  if (rule !== undefined) return typeAttr(node, rule.attr) ?? rule.otherwise;
  for (const name of ['dtype', 'Tparams', 'T']) {
    const dtype = typeAttr(node, name);
    if (dtype !== null) return dtype;
  }
  const value = node.attrs.get('value');
  return value?.kind === 'tensor' ? value.value.dtype : null;
}

function typeAttr(node: TfNode, name: string): DType | null {
  const attr = node.attrs.get(name);
  if (attr?.kind !== 'type') return null;
  const number = (DTYPE_NUMBERS as Readonly<Record<string, number>>)[attr.value];
  return number === undefined ? null : dtypeFromNumber(number);
}
