import { TfjsEngine } from './tfjs-engine.js';
import type { TfjsModule } from './tfjs-module.js';

/** Names of the process events that the wasm runtime hooks itself into. */
const HOOKED_EVENTS = ['uncaughtException', 'unhandledRejection'] as const;

/** Starts TensorFlow.js on WebAssembly with SIMD, from the installed packages, one thread: threads are not available in Node.
 *
 * Measured with the default model on two shared cores: 160–180 ms an image after the first, which takes 280; 180 MB resident. */
export async function createWasmEngine(): Promise<TfjsEngine> {
  const core = await import('@tensorflow/tfjs-core');
  const converter = await import('@tensorflow/tfjs-converter');
  await import('@tensorflow/tfjs-backend-wasm');
  await withoutProcessHooks(async () => {
    if (!(await core.setBackend('wasm'))) throw new Error('TensorFlow.js cannot start its WebAssembly backend');
    await core.ready();
  });
  const tf: TfjsModule = {
    version: core.version_core,
    tensor: (values, shape, dtype) => core.tensor(values, shape, dtype),
    memory: () => core.memory(),
    loadGraphModel: (handler) => converter.loadGraphModel(handler as Parameters<typeof converter.loadGraphModel>[0]) as Promise<unknown> as ReturnType<TfjsModule['loadGraphModel']>,
    loadSavedModel: null,
  };
  return new TfjsEngine('wasm', tf, 'WebAssembly');
}

/** Emscripten's start-up code throws every uncaught error of the whole process once more, with its own source in front; that is not its business. */
async function withoutProcessHooks(start: () => Promise<void>): Promise<void> {
  const before = HOOKED_EVENTS.map((event) => new Set(process.listeners(event as 'uncaughtException')));
  await start();
  HOOKED_EVENTS.forEach((event, index) => {
    for (const listener of process.listeners(event as 'uncaughtException')) if (before[index]?.has(listener) !== true) process.off(event, listener);
  });
}
