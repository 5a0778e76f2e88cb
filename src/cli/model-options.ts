import type { Command } from 'commander';

/** The flags that choose backend and model, as given. */
export type ModelFlags = {
  readonly backend?: string;
  readonly model?: string;
  readonly modelDir?: string;
  readonly engine?: string;
  readonly labels?: string;
};

/** Adds the flags that choose backend and model. */
export function addModelOptions(command: Command): Command {
  return command
    .option('--backend <backend>', 'embedded, or host:port[,host:port…] of TensorFlow Serving (default: embedded)')
    .option('--model <name>', 'NAME[:VERSION|@LABEL] of the served model')
    .option('--model-dir <folder>', "the embedded server's model: a folder of models, of one model or of a version (default: the built-in model)")
    .option('--engine <engine>', 'what computes in the embedded server: auto, onnxruntime, tfjs-node-gpu, tfjs-node or wasm (default: auto)')
    .option('--labels <file>', "label map: .pbtxt, .txt or .json (default: the model's own, else COCO)");
}
