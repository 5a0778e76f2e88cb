import { Command, InvalidArgumentError } from 'commander';
import { ConfigError } from '../../core/errors.js';
import { readLabels } from '../../detection/label-map.js';
import { exportModel } from '../../model-server/export/export-model.js';
import type { ExportReport } from '../../model-server/export/export-report.js';
import { chooseEngine } from '../../model-server/engines/load-engine.js';
import { DEFAULT_SIGNATURE_NAME } from '../../serving/model-spec.js';
import type { Logger } from '../../telemetry/logger.js';
import { addLogOptions, loggerOf, quietUnlessAsked, type LogFlags } from '../log-options.js';
import { describeSignature, describeUse, formatSections, type Section } from './inspection-text.js';
import { describeRecipe } from './recipe-text.js';
import { addRecipeOptions, recipeWishes, type RecipeFlags } from './recipe-options.js';

type ExportFlags = LogFlags & RecipeFlags & { readonly out: string; readonly name?: string; readonly version?: number; readonly labels?: string };

/** `sightline model export`: makes a servable of a model. */
export function modelExportCommand(): Command {
  const command = new Command('export')
    .description('make a model ready to be served: NAME/VERSION/ in a folder of models')
    .argument('<source>', 'TensorFlow.js model.json, frozen graph (.pb), ONNX file, SavedModel folder, or default: the built-in model')
    .option('--out <folder>', 'folder of models', 'models')
    .option('--name <name>', 'what it is served as (default: what the source is called)')
    .option('--version <number>', 'which version it becomes (default: the next one)', readVersion)
    .option('--labels <file>', "label map: .pbtxt, .txt or .json (default: the model's own, where it has one)");
  return addLogOptions(addRecipeOptions(command)).action(async (source: string, flags: ExportFlags) => {
    await runExport(source, flags, loggerOf(quietUnlessAsked(flags, 'silent')));
  });
}

async function runExport(source: string, flags: ExportFlags, log: Logger): Promise<void> {
  const labels = flags.labels === undefined ? {} : { labels: await readLabels(flags.labels) };
  const { out: outFolder, version = 'next' } = flags;
  const name = flags.name === undefined ? {} : { name: flags.name };
  const report = await exportModel({ source, outFolder, version, ...name, wishes: { ...recipeWishes(flags), ...labels } });
  process.stdout.write(describeReport(report));
  process.stdout.write(formatSections([['engine', [await describeEngine(report, log)]], ['serve it', [`sightline serve --model-dir ${report.folder.slice(0, report.folder.lastIndexOf('/'))}`]]]));
}

function describeReport({ folder, name, version, manifest, elapsedMs, notes }: ExportReport): string {
  const { onnx, tfjs, savedModel, labels } = manifest.files;
  const sections: Section[] = [
    ['model', [`${name}, version ${version}, in ${folder}`]],
    ['signature', describeSignature(manifest.signature)],
    ['use', [describeUse(new Map([[DEFAULT_SIGNATURE_NAME, manifest.signature]]), manifest.inputSize).text]],
    ['recipe', manifest.recipe === null ? [] : describeRecipe(manifest.recipe)],
    ['files', [[onnx, tfjs, savedModel ? 'saved_model.pb' : null, labels].filter((file) => file !== null).join(', ')]],
    ['note', notes],
    ['time', [`${(elapsedMs / 1000).toFixed(1)} s`]],
  ];
  return formatSections(sections);
}

/** What will run it here: an export that nothing runs should not be found out when it is served. */
async function describeEngine({ folder, version, manifest }: ExportReport, log: Logger): Promise<string> {
  try {
    const { name, version: engineVersion, device } = await chooseEngine('auto', { path: folder, version, manifest }, log);
    return `${name} ${engineVersion} on ${device}`;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.issues.map(({ message }) => message).join('; ');
  }
}

function readVersion(text: string): number {
  if (!/^[1-9]\d{0,14}$/u.test(text)) throw new InvalidArgumentError('Expected a whole number above 0.');
  return Number(text);
}
