import { ModelMismatchError } from '../../core/errors.js';
import type { Size } from '../../core/geometry.js';
import { DEFAULTS } from '../../config/defaults.js';
import { describePlan, readModelPlan } from '../../detection/contract/model-plan.js';
import { NO_WISHES } from '../../detection/contract/model-wishes.js';
import { describeTensor } from '../../detection/contract/signature-text.js';
import type { SignatureDef, SignatureDefMap, TensorInfo } from '../../serving/metadata-messages.js';
import { DEFAULT_SIGNATURE_NAME } from '../../serving/model-spec.js';

/** What is inspected, in sections of lines: the first column names each. */
export type Section = readonly [title: string, lines: readonly string[]];

const TITLE_WIDTH = 11;
/** Size of frames for models that take any and say none. */
const ANY_SIZE: Size = { widthPx: 640, heightPx: 640 };

/** Writes sections for people; those without a line are left out. */
export function formatSections(sections: readonly Section[]): string {
  return sections.flatMap(([title, lines]) => lines.map((line, index) => `${(index === 0 ? title : '').padEnd(TITLE_WIDTH)} ${line}\n`)).join('');
}

/** A signature, an input or output a line. */
export function describeSignature({ inputs, outputs }: SignatureDef): readonly string[] {
  const lines = (title: string, tensors: ReadonlyMap<string, TensorInfo>): string[] => [...tensors].map(([name, info], index) => `${(index === 0 ? title : '').padEnd(7)} ${describeTensor(name, info)}`);
  return [...lines('inputs', inputs), ...lines('outputs', outputs)];
}

/** A signature as data. */
export function signatureData({ inputs, outputs, methodName }: SignatureDef): Readonly<Record<string, unknown>> {
  return { inputs: Object.fromEntries(inputs), outputs: Object.fromEntries(outputs), methodName };
}

/** How frames are sent to a model and its answers read, or why not; one line.
 * @param inputSize that suits it; `null`: any */
export function describeUse(signatures: SignatureDefMap, inputSize: Size | null): { readonly fits: boolean; readonly text: string } {
  try {
    const plan = readModelPlan(signatures, DEFAULT_SIGNATURE_NAME, NO_WISHES);
    const { maxBatchSize, maxInFlightBatches } = DEFAULTS.batching;
    return { fits: true, text: describePlan(plan, { frameSize: plan.input.fixedInputSize ?? inputSize ?? ANY_SIZE, maxBatchSize, maxInFlightBatches }) };
  } catch (error) {
    if (!(error instanceof ModelMismatchError)) throw error;
    return { fits: false, text: `does not fit: ${error.message}` };
  }
}

/** `12.3 MB`. */
export function formatBytes(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB'];
  const power = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log10(bytes) / 3));
  return `${(bytes / 1000 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power] ?? ''}`;
}
