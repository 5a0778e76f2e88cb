import { Command, Option } from 'commander';
import { cacheDir } from '../config/cache-dir.js';
import { ENGINE_NAMES, type EngineChoice } from '../model-server/engines/engine.js';
import { runModelServer } from '../model-server/run-model-server.js';
import { addLogOptions, loggerOf, quietUnlessAsked, type LogFlags } from './log-options.js';

type ModelServerFlags = LogFlags & {
  readonly port: string;
  readonly host: string;
  readonly model_name: string;
  readonly model_base_path?: string;
  readonly engine: EngineChoice;
  readonly engine_workers: string;
  readonly engine_memory_mb?: string;
};

/** `sightline model-server`: the embedded server by itself, with tensorflow_model_server's own flags. */
export function modelServerCommand(): Command {
  const command = new Command('model-server')
    .description("serve a model over TensorFlow Serving's gRPC API")
    .option('--port <number>', 'gRPC port', '8500')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--model_name <name>', 'name that clients ask for', 'default')
    .option('--model_base_path <folder>', 'folder with one sub-folder a version (default: the built-in model)')
    .addOption(new Option('--engine <engine>', 'what runs the model').choices(['auto', ...ENGINE_NAMES]).default('auto'))
    .option('--engine_workers <number>', 'processes that the engine runs in, or auto', 'auto')
    .option('--engine_memory_mb <number>', 'resident memory at which such a process is replaced (default: by the size of the model)');
  return addLogOptions(command).action(async (flags: ModelServerFlags) => {
    await runModelServer(flags, loggerOf(quietUnlessAsked(flags, 'info')), { cacheDir: cacheDir() });
  });
}
