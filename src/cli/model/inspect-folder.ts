import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDir } from '../../config/cache-dir.js';
import { ConfigError } from '../../core/errors.js';
import { readLabels } from '../../detection/label-map.js';
import { ENGINE_NAMES, type EngineName } from '../../model-server/engines/engine.js';
import { chooseEngine } from '../../model-server/engines/load-engine.js';
import { findEmbeddedModel } from '../../model-server/store/embedded-model.js';
import { manifestToJson } from '../../model-server/store/manifest-json.js';
import type { ServableFolder } from '../../model-server/store/servable-manifest.js';
import { DEFAULT_SIGNATURE_NAME } from '../../serving/model-spec.js';
import type { Logger } from '../../telemetry/logger.js';
import type { Inspection } from './inspect.js';
import { describeSignature, describeUse, formatBytes, formatSections, type Section } from './inspection-text.js';
import { describeLabels } from './labels-text.js';
import { describeRecipe } from './recipe-text.js';

/** What an engine says of a model here. */
type EngineFinding = { readonly engine: EngineName; readonly runs: boolean; readonly text: string };

const MAX_FILES = 200;
const SOURCE_KINDS = { tfjs: 'TensorFlow.js graph', 'frozen-graph': 'frozen TensorFlow graph', onnx: 'ONNX', 'saved-model': 'SavedModel' } as const;

/** Looks at a model on disk.
 * @throws {ConfigError} there is none, or more than one */
export async function inspectFolder(folder: string, { model, labels: labelsFile }: { readonly model: string | null; readonly labels: string | null }, log: Logger): Promise<Inspection> {
  const found = await findEmbeddedModel(folder, model, { cacheDir: cacheDir(), log });
  const { path, version, manifest } = found.servable;
  const usedLabels = labelsFile ?? found.labelsFile;
  const labels = usedLabels === null ? null : await readLabels(usedLabels);
  const use = describeUse(new Map([[DEFAULT_SIGNATURE_NAME, manifest.signature]]), manifest.inputSize);
  const engines = await askEngines(found.servable, log);
  const files = await listFiles(path);
  const sections: Section[] = [
    ['model', [`${found.name}, version ${version}, in ${path}`]],
    ['made of', [`${manifest.source.name} (${SOURCE_KINDS[manifest.source.kind]}, SHA-256 ${manifest.source.sha256.slice(0, 12)}…)${manifest.producer === '' ? '' : ` by ${manifest.producer}`}`]],
    ['signature', describeSignature(manifest.signature)],
    ['use', [use.text]],
    ['recipe', manifest.recipe === null ? [] : describeRecipe(manifest.recipe)],
    ['engines', engines.map(({ engine, runs, text }) => `${engine.padEnd(13)} ${runs ? 'yes' : 'no '}  ${text}`)],
    ['labels', labels === null ? ['none: its classes are named as those of COCO, or by their numbers'] : [describeLabels(labels, usedLabels)]],
    ['files', files.map(({ name, bytes }) => `${name} (${formatBytes(bytes)})`)],
  ];
  return {
    text: formatSections(sections),
    data: { name: found.name, version, folder: path, manifest: manifestToJson(manifest), use, engines, labels: labels === null ? null : Object.fromEntries(labels), files },
  };
}

async function askEngines(servable: ServableFolder, log: Logger): Promise<readonly EngineFinding[]> {
  const findings: EngineFinding[] = [];
  // One after the other: they are large libraries.
  for (const name of ENGINE_NAMES) {
    try {
      const engine = await chooseEngine(name, servable, log);
      const isFirst = !findings.some(({ runs }) => runs);
      findings.push({ engine: name, runs: true, text: `version ${engine.version}, on ${engine.device}${isFirst ? '; auto takes this one' : ''}` });
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      findings.push({ engine: name, runs: false, text: error.issues.map(({ message }) => message).join('; ') });
    }
  }
  return findings;
}

async function listFiles(folder: string): Promise<readonly { readonly name: string; readonly bytes: number }[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const names = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1)).sort();
  return Promise.all(names.slice(0, MAX_FILES).map(async (name) => ({ name, bytes: (await stat(join(folder, name))).size })));
}
