import { ConfigError } from '../../core/errors.js';
import type { ServableFolder } from '../store/servable-manifest.js';
import { ENGINE_NAMES, type Engine, type EngineChoice, type EngineName } from './engine.js';
import { oneLine } from './engine-problems.js';
import { asOrtModule } from './onnxruntime-module.js';
import { createOnnxRuntimeEngine } from './onnxruntime-engine.js';
import { refusal } from './refusals.js';
import { TfjsEngine } from './tfjs-engine.js';
import type { TfjsGraphModel, TfjsModule, TfjsSavedModel } from './tfjs-module.js';
import { createWasmEngine } from './wasm-engine.js';

/** Imports a package by name; rejects with code ERR_MODULE_NOT_FOUND where it is not installed. */
export type Importer = (name: string) => Promise<unknown>;

/** Is told what was chosen, in a line. */
export type EngineLog = { info(line: string): void; warn(line: string): void };

/** Packages that may be missing: they download much and are not built for every platform. What WebAssembly needs always is there. */
const PACKAGES = { onnxruntime: 'onnxruntime-node', 'tfjs-node-gpu': '@tensorflow/tfjs-node-gpu', 'tfjs-node': '@tensorflow/tfjs-node' } as const;

/** Why an engine is not taken. `broken`: it is installed and does not load, which somebody should know. */
type Absence = { readonly reason: string; readonly advice: string; readonly broken: boolean };

/** Starts the engine for a servable: the one that was asked for by name, or with `auto` the first of {@link ENGINE_NAMES} that is installed, loads, and runs what the servable has.
 * Tells which and why in one line; with `auto`, a broken installation is told in one warning.
 * @throws {ConfigError} when the engine asked for cannot be loaded or cannot run the servable, or no engine can */
export async function chooseEngine(choice: EngineChoice, servable: ServableFolder, log: EngineLog, importer: Importer = importByName): Promise<Engine> {
  const passedOver: Absence[] = [];
  for (const name of choice === 'auto' ? ENGINE_NAMES : [choice]) {
    const found = await tryEngine(name, servable, log, importer);
    if ('device' in found) {
      const broken = passedOver.filter((absence) => absence.broken);
      if (broken.length > 0) log.warn(`${broken.map(({ reason }) => reason).join('; ')}: computing with ${found.name} instead`);
      log.info(`engine ${found.name} ${found.version} on ${found.device}: ${explain(choice, passedOver)}`);
      return found;
    }
    passedOver.push(found);
  }
  throw new ConfigError([{ file: null, path: '--engine', message: choice === 'auto' ? noneMessage(servable, passedOver) : (passedOver[0]?.advice ?? '') }]);
}

async function tryEngine(name: EngineName, servable: ServableFolder, log: EngineLog, importer: Importer): Promise<Engine | Absence> {
  const refused = refusal(name, servable);
  if (refused !== null) return { reason: `${name} does not run this model (${refused})`, advice: `${name} does not run ${servable.path}: ${refused}; take engine auto, or export the model again`, broken: false };
  if (name === 'wasm') return createWasmEngine();
  const packageName = PACKAGES[name];
  try {
    const imported = await importer(packageName);
    return await (name === 'onnxruntime' ? createOnnxRuntimeEngine(asOrtModule(imported), (line) => { log.warn(line); }) : new TfjsEngine(name, asTfjsModule(imported), name === 'tfjs-node-gpu' ? 'CUDA' : 'CPU'));
  } catch (error) {
    if (isNotInstalled(error, packageName)) {
      return { reason: `${packageName} is not installed`, advice: `${packageName} is not installed: npm install ${packageName}, or take engine auto`, broken: false };
    }
    const reason = `${packageName} is installed but does not load (${oneLine(error)})`;
    return { reason, advice: `${reason}: install it again, or take engine auto`, broken: true };
  }
}

function explain(choice: EngineChoice, passedOver: readonly Absence[]): string {
  if (choice !== 'auto') return 'asked for by name';
  return passedOver.length === 0 ? 'first that is installed and runs this model' : passedOver.map(({ reason }) => reason).join(', ');
}

function noneMessage(servable: ServableFolder, passedOver: readonly Absence[]): string {
  return `no engine runs ${servable.path}: ${passedOver.map(({ reason }) => reason).join(', ')}`;
}

/** By variable name, so that neither the compiler nor a bundler needs the package. */
function importByName(name: string): Promise<unknown> {
  return import(name);
}

function asTfjsModule(imported: unknown): TfjsModule {
  const namespace = imported as { default?: unknown };
  const tf = (namespace.default ?? namespace) as Partial<NativeModule>;
  const { tensor, memory, loadGraphModel, node } = tf;
  if (typeof tensor !== 'function' || typeof memory !== 'function' || typeof loadGraphModel !== 'function' || typeof node?.loadSavedModel !== 'function') throw new Error('it does not look like TensorFlow.js');
  return { version: tf.version?.['tfjs-core'] ?? 'unknown', tensor, memory, loadGraphModel, loadSavedModel: (folder, tags, signature) => node.loadSavedModel(folder, tags, signature) };
}

type NativeModule = Omit<TfjsModule, 'version' | 'loadSavedModel'> & {
  readonly version: Readonly<Record<string, string>>;
  loadGraphModel(handler: unknown): Promise<TfjsGraphModel>;
  readonly node: { loadSavedModel(folder: string, tags: string[], signature: string): Promise<TfjsSavedModel> };
};

function isNotInstalled(error: unknown, packageName: string): boolean {
  if (!(error instanceof Error) || !('code' in error)) return false;
  return (error.code === 'ERR_MODULE_NOT_FOUND' || error.code === 'MODULE_NOT_FOUND') && error.message.includes(`'${packageName}'`);
}
