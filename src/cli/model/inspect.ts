import { existsSync } from 'node:fs';
import { Command } from 'commander';
import { ConfigError } from '../../core/errors.js';
import { addLogOptions, loggerOf, quietUnlessAsked, type LogFlags } from '../log-options.js';
import { inspectFolder } from './inspect-folder.js';
import { inspectServer } from './inspect-server.js';

type InspectFlags = LogFlags & { readonly model?: string; readonly labels?: string; readonly json?: boolean };

const ENDPOINT = /^(?:\[[0-9a-f:.]+\]|[\w.-]+):\d{1,5}$/iu;

/** What was found: the same as text for people and as data. */
export type Inspection = { readonly text: string; readonly data: Readonly<Record<string, unknown>> };

/** `sightline model inspect`: what a model takes, gives and needs. */
export function modelInspectCommand(): Command {
  const command = new Command('inspect')
    .description('say what a model takes and gives, what it is used as, and what can run it')
    .argument('<model>', 'folder of a model or of a version, or host:port of a server')
    .option('--model <name>', 'which model of the folder or of the server')
    .option('--labels <file>', "label map: .pbtxt, .txt or .json (default: the model's own)")
    .option('--json', 'as JSON');
  return addLogOptions(command).action(async (target: string, flags: InspectFlags) => {
    const log = loggerOf(quietUnlessAsked(flags, 'silent'));
    const { text, data } = await inspect(target, { model: flags.model ?? null, labels: flags.labels ?? null }, log);
    process.stdout.write(flags.json === true ? `${JSON.stringify(data, null, 2)}\n` : text);
  });
}

function inspect(target: string, wishes: { readonly model: string | null; readonly labels: string | null }, log: ReturnType<typeof loggerOf>): Promise<Inspection> {
  if (existsSync(target)) return inspectFolder(target, wishes, log);
  if (ENDPOINT.test(target)) return inspectServer(target, wishes);
  throw new ConfigError([{ file: target, path: '', message: 'no such folder, and no host:port either' }]);
}
