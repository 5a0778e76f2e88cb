import { attr, type OnnxBuilder } from '../onnx/onnx-builder.js';
import type { Core } from './adopt-core.js';
import { axisSize } from './found-rows.js';

/** Writes what comes behind the graph into the builder it is given.
 * @returns values by name, each with the pictures on its first axis */
export type Continuation = (b: OnnxBuilder) => ReadonlyMap<string, string>;

/** Writes the graph and what comes behind it for any number of pictures.
 *
 * A graph that takes any number stands in the model as it is. One that takes a fixed number runs in a Scan over groups of as many, the last one filled up with
 * zeros. Its constants go inside with it: those outside ONNX Runtime neither folds nor prepares for its kernels. Measured in 2026 with the default model on two busy cores, median
 * of 23 runs: 138 ms bare, 140 in a Scan with its constants, but 330 (158 bare at that time) with the constants outside.
 * @param input value of all pictures, as the graph takes them
 * @param batchSize pictures that the graph takes at once; `null`: any number */
export function addCore(b: OnnxBuilder, core: Core, input: string, batchSize: number | null, then: Continuation): ReadonlyMap<string, string> {
  if (batchSize === null) {
    b.add('Identity', [input], { outputs: [core.input] });
    b.include(core.graph, core.opsets);
    return then(b);
  }
  const count = axisSize(b, input, 0);
  const body = b.subgraph();
  body.input(core.input, core.inputDType, null);
  body.include(core.graph, core.opsets);
  const answer = then(body);
  for (const [name, value] of answer) body.output(`each/${name}`, value, 'float', null);
  const stacked = b.add('Scan', [inGroups(b, input, count, batchSize)], {
    outputs: answer.size,
    attrs: { body: attr.graph(body.toGraph('pictures')), num_scan_inputs: attr.int(1) },
  });
  return new Map([...answer.keys()].map((name, index) => [name, withoutGroups(b, stacked[index] ?? '', count, batchSize)]));
}

/** `[n, …]` to `[groups, batchSize, …]`. */
function inGroups(b: OnnxBuilder, value: string, count: string, batchSize: number): string {
  const rest = b.op('Shape', [value], { start: attr.int(1) });
  const filled = batchSize === 1 ? value : filledUp(b, value, count, batchSize);
  return b.op('Reshape', [filled, b.op('Concat', [b.ints([-1, batchSize]), rest], { axis: attr.int(0) })]);
}

function filledUp(b: OnnxBuilder, value: string, count: string, batchSize: number): string {
  const size = b.ints([batchSize]);
  const missing = b.op('Mod', [b.op('Sub', [size, b.op('Mod', [count, size])]), size]);
  return b.op('Pad', [value, b.op('Concat', [b.ints([0]), missing], { axis: attr.int(0) }), '', b.ints([0])], { mode: attr.text('constant') });
}

/** `[groups, batchSize, …]` to `[n, …]`. */
function withoutGroups(b: OnnxBuilder, value: string, count: string, batchSize: number): string {
  const rest = b.op('Shape', [value], { start: attr.int(2) });
  const flat = b.op('Reshape', [value, b.op('Concat', [b.ints([-1]), rest], { axis: attr.int(0) })]);
  return batchSize === 1 ? flat : b.op('Slice', [flat, b.ints([0]), count, b.ints([0])]);
}
