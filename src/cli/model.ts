import { Command } from 'commander';
import { modelExportCommand } from './model/export.js';
import { modelInspectCommand } from './model/inspect.js';
import { modelTestCommand } from './model/test.js';

/** `sightline model`: models of one's own, made ready, looked at and tried. */
export function modelCommand(): Command {
  return new Command('model').description('make a model of your own ready to be served, look at one, try it on pictures').addCommand(modelExportCommand()).addCommand(modelInspectCommand()).addCommand(modelTestCommand());
}
