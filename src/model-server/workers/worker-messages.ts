import type { SignatureDef } from '../../serving/metadata-messages.js';
import type { EngineChoice, EngineName } from '../engines/engine.js';
import type { ServableFolder } from '../store/servable-manifest.js';
import type { WorkerPlan } from './worker-plan.js';

/** The first thing that an engine process is told, on Node's own channel between the two. */
export type LoadOrder = {
  readonly type: 'load';
  readonly servable: ServableFolder;
  readonly engine: EngineChoice;
  readonly workers: number | 'auto';
  /** Of the machine. */
  readonly cores: number;
};

/** What an engine process that is ready tells of itself. */
export type WorkerFacts = {
  readonly engine: { readonly name: EngineName; readonly version: string; readonly device: string };
  readonly signature: SignatureDef;
  readonly plan: WorkerPlan;
  /** Memory that it takes, warmed up, MiB. */
  readonly residentMib: number;
  /** Measured with one image; `null` for what does not take images. */
  readonly msPerImage: number | null;
};

/** What it answers on the channel; calls and their answers go through the pipe. */
export type WorkerMessage =
  | { readonly type: 'loaded'; readonly facts: WorkerFacts }
  /** It ends now and would end the same way again: `problems` are what has to be changed. */
  | { readonly type: 'failed'; readonly problems: readonly string[] };

/** Reads what came from an engine process; `null` for anything else. Our own program wrote it: its kind is looked at, no more. */
export function asWorkerMessage(value: unknown): WorkerMessage | null {
  return hasType(value, 'loaded') || hasType(value, 'failed') ? (value as WorkerMessage) : null;
}

/** The same in the other direction. */
export function asLoadOrder(value: unknown): LoadOrder | null {
  return hasType(value, 'load') ? (value as LoadOrder) : null;
}

function hasType(value: unknown, type: string): boolean {
  return typeof value === 'object' && value !== null && 'type' in value && value.type === type;
}
