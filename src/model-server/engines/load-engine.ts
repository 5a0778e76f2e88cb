import { ConfigError } from '../../core/errors.js';
import type { Logger } from '../../telemetry/logger.js';
import type { EngineChoice, EngineName } from './engine.js';
import type { GraphEngine } from './graph.js';
import { TfjsEngine, type TfjsGraphModel, type TfjsModule } from './tfjs-engine.js';
import { createWasmEngine } from './wasm-engine.js';

/** Imports a package by name; rejects with code ERR_MODULE_NOT_FOUND where it is not installed. */
export type Importer = (name: string) => Promise<unknown>;

/** Native TensorFlow, in order of preference. Optional peers: they download hundreds of MB and are not built for every platform. */
const NATIVE_PACKAGES = { 'tfjs-node-gpu': '@tensorflow/tfjs-node-gpu', 'tfjs-node': '@tensorflow/tfjs-node' } as const;

type NativeName = keyof typeof NATIVE_PACKAGES;
type NativeResult = { readonly engine: GraphEngine } | { readonly missing: true } | { readonly broken: string };

/** Loads the engine asked for. `auto` takes native TensorFlow where it is installed and works, and WebAssembly otherwise; a broken installation is told in one warning.
 * @throws {ConfigError} when a native engine was asked for by name and cannot be loaded */
export async function loadEngine(choice: EngineChoice, log: Logger, importer: Importer = importByName): Promise<GraphEngine> {
  if (choice === 'wasm') return createWasmEngine();
  if (choice !== 'auto' && choice !== 'onnxruntime') return loadNamed(choice, importer);
  const reasons: string[] = [];
  for (const name of Object.keys(NATIVE_PACKAGES) as NativeName[]) {
    const result = await tryNative(name, importer);
    if ('engine' in result) return result.engine;
    if ('broken' in result) reasons.push(`${NATIVE_PACKAGES[name]} is installed but does not load (${result.broken})`);
  }
  if (reasons.length > 0) log.warn(`${reasons.join('; ')}: computing with WebAssembly instead, which is slower`);
  return createWasmEngine();
}

async function loadNamed(name: NativeName, importer: Importer): Promise<GraphEngine> {
  const result = await tryNative(name, importer);
  if ('engine' in result) return result.engine;
  const problem = 'broken' in result ? `${NATIVE_PACKAGES[name]} does not load: ${result.broken}` : `${NATIVE_PACKAGES[name]} is not installed: npm install ${NATIVE_PACKAGES[name]}, or take engine wasm`;
  throw new ConfigError([{ file: null, path: '--engine', message: problem }]);
}

async function tryNative(name: NativeName, importer: Importer): Promise<NativeResult> {
  const packageName = NATIVE_PACKAGES[name];
  try {
    return { engine: new TfjsEngine(name satisfies EngineName, asTfjsModule(await importer(packageName))) };
  } catch (error) {
    return isNotInstalled(error, packageName) ? { missing: true } : { broken: firstLine(error) };
  }
}

/** By variable name, so that neither the compiler nor a bundler needs the package. */
function importByName(name: string): Promise<unknown> {
  return import(name);
}

function asTfjsModule(imported: unknown): TfjsModule {
  const namespace = imported as { default?: unknown };
  const tf = (namespace.default ?? namespace) as Partial<NativeModule>;
  const { tensor, memory, loadGraphModel } = tf;
  if (typeof tensor !== 'function' || typeof memory !== 'function' || typeof loadGraphModel !== 'function') throw new Error('it does not look like TensorFlow.js');
  return { version: tf.version?.['tfjs-core'] ?? 'unknown', tensor, memory, loadGraphModel };
}

type NativeModule = Omit<TfjsModule, 'version'> & { readonly version: Readonly<Record<string, string>>; loadGraphModel(handler: unknown): Promise<TfjsGraphModel> };

function isNotInstalled(error: unknown, packageName: string): boolean {
  if (!(error instanceof Error) || !('code' in error)) return false;
  return (error.code === 'ERR_MODULE_NOT_FOUND' || error.code === 'MODULE_NOT_FOUND') && error.message.includes(`'${packageName}'`);
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n', 1)[0] ?? '';
}
