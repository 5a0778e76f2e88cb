import { Command, Option } from 'commander';
import { runModelServer } from '../model-server/run-model-server.js';
import { addLogOptions, loggerOf, quietUnlessAsked, type LogFlags } from './log-options.js';

type ModelServerFlags = LogFlags & {
  readonly port: string;
  readonly host: string;
  readonly model_name: string;
  readonly model_base_path?: string;
  readonly engine: 'auto' | 'wasm' | 'tfjs-node' | 'tfjs-node-gpu';
};

/** `sightline model-server`: the embedded server by itself, with tensorflow_model_server's own flags. */
export function modelServerCommand(): Command {
  const command = new Command('model-server')
    .description("serve a model over TensorFlow Serving's gRPC API")
    .option('--port <number>', 'gRPC port', '8500')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--model_name <name>', 'name that clients ask for', 'default')
    .option('--model_base_path <folder>', 'folder with one sub-folder a version (default: the built-in model)')
    .addOption(new Option('--engine <engine>', 'what runs the model').choices(['auto', 'wasm', 'tfjs-node', 'tfjs-node-gpu']).default('auto'));
  return addLogOptions(command).action(async (flags: ModelServerFlags) => {
    await runModelServer(flags, loggerOf(quietUnlessAsked(flags, 'info')));
  });
}
