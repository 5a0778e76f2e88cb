import type { GraphWriter } from './graph-writer.js';
import type { NodeView } from './node-view.js';
import type { Value } from './value.js';

/** Writes one node of TensorFlow.
 * @returns its outputs, in order
 * @throws {ConfigError} when it does something that is not supported */
export type Translation = (node: NodeView, writer: GraphWriter) => Value | readonly Value[];

/** Translations by the name of the operator. */
export type OperatorTable = Readonly<Record<string, Translation>>;
