import { nearestWord } from './nearest-word.js';
import { ProvidedText } from './provided-text.js';
import { checkLayer, type SettingsLayer } from './settings-layer.js';
import { formatPath, type ValuePath, type ValueProblem } from './validate.js';

type Variable = { readonly path: readonly [string, ...string[]]; readonly form: 'text' | 'list' | 'json' };

/** Every setting has a variable: its path in upper snake case. Lists are separated by commas, tokens and the meaning of outputs are JSON. */
const SETTINGS: readonly (readonly [path: string, form: Variable['form']])[] = [
  ['server.host', 'text'],
  ['server.port', 'text'],
  ['server.tokens', 'json'],
  ['server.hosts', 'list'],
  ['server.tls.cert', 'text'],
  ['server.tls.key', 'text'],
  ['server.embedOrigins', 'list'],
  ['backend.endpoints', 'list'],
  ['backend.embedded.modelDir', 'text'],
  ['backend.embedded.engine', 'text'],
  ['backend.embedded.workers', 'text'],
  ['backend.embedded.memoryMb', 'text'],
  ['backend.tls.ca', 'text'],
  ['backend.tls.cert', 'text'],
  ['backend.tls.key', 'text'],
  ['model.name', 'text'],
  ['model.version', 'text'],
  ['model.versionLabel', 'text'],
  ['model.signature', 'text'],
  ['model.deadlineMs', 'text'],
  ['model.input.normalization', 'text'],
  ['model.output', 'json'],
  ['labels', 'text'],
  ['batching.maxBatchSize', 'text'],
  ['batching.batchTimeoutMs', 'text'],
  ['batching.maxInFlightBatches', 'text'],
  ['sources.roots', 'list'],
  ['sources.networks', 'list'],
  ['sources.maxSidePx', 'text'],
  ['sources.maxMegapixels', 'text'],
  ['sources.maxFrameMemoryMb', 'text'],
  ['log.level', 'text'],
  ['log.format', 'text'],
];

const VARIABLES: ReadonlyMap<string, Variable> = new Map(SETTINGS.map(([path, form]) => [variableName(path), { path: path.split('.') as [string, ...string[]], form }]));

/** Variables that are no settings: where files lie, and what the project's own tests use. */
const OTHER_VARIABLES: readonly string[] = ['SIGHTLINE_CONFIG', 'SIGHTLINE_STREAMS', 'SIGHTLINE_CACHE_DIR', 'SIGHTLINE_SHARED', 'SIGHTLINE_CONFORMANCE_PYTHON', 'SIGHTLINE_CONFORMANCE_TFJS_NODE'];

/** Names of the variables that settings can come from. */
export const SETTING_VARIABLES: readonly string[] = [...VARIABLES.keys()];

/** Reads the settings that stand in the environment; an empty variable counts as not set, an unknown `SIGHTLINE_…` is an issue.
 * Messages never show a variable's value.
 * @param baseDir folder that paths are relative to
 */
export function environmentLayer(env: NodeJS.ProcessEnv, baseDir: string): SettingsLayer {
  const settings: Record<string, unknown> = {};
  const problems: ValueProblem[] = [];
  const unknown: string[] = [];
  for (const name of Object.keys(env).filter((key) => key.startsWith('SIGHTLINE_')).sort()) {
    const value = env[name];
    if (value === undefined || value === '' || OTHER_VARIABLES.includes(name)) continue;
    const variable = VARIABLES.get(name);
    if (variable === undefined) unknown.push(name);
    else assign(settings, variable.path, read(value, variable, problems));
  }
  const locate = (path: ValuePath): { file: null; path: string } => ({ file: null, path: nameOf(path) });
  const layer = checkLayer('environment', settings, { locate, baseDir, earlier: problems });
  const known = [...SETTING_VARIABLES, ...OTHER_VARIABLES];
  const unknownIssues = unknown.map((name) => {
    const meant = nearestWord(name, known);
    return { file: null, path: name, message: `is no variable of Sightline${meant === null ? ', see docs/configuration.md' : ` (did you mean ${meant}?)`}` };
  });
  return { ...layer, issues: [...layer.issues, ...unknownIssues] };
}

function variableName(path: string): string {
  return `SIGHTLINE_${path
    .split('.')
    .map((key) => key.replace(/[A-Z]/gu, '_$&').toUpperCase())
    .join('_')}`;
}

/** The variable, with the rest of the path where a list or JSON is wrong inside. */
function nameOf(path: ValuePath): string {
  for (const [name, variable] of VARIABLES) {
    if (variable.path.length <= path.length && variable.path.every((key, index) => key === path[index])) return `${name}${formatPath(path.slice(variable.path.length)).replace(/^(?=[^[])/u, '.')}`;
  }
  return formatPath(path);
}

function read(value: string, { path, form }: Variable, problems: ValueProblem[]): unknown {
  if (form === 'text') return new ProvidedText(value, true);
  if (form === 'list') {
    const items = value.split(',').map((item) => item.trim());
    return items.filter((item) => item !== '').map((item) => new ProvidedText(item, true));
  }
  try {
    return provided(JSON.parse(value));
  } catch {
    // JSON.parse throws nothing else, and its message quotes the text.
    problems.push({ path, message: `expected JSON: ${path[0] === 'server' ? 'a list of tokens' : 'a mapping'}` });
    return undefined;
  }
}

function provided(value: unknown): unknown {
  if (typeof value === 'string') return new ProvidedText(value, true);
  if (Array.isArray(value)) return value.map(provided);
  if (typeof value === 'object' && value !== null) return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, provided(part)]));
  return value;
}

function assign(target: Record<string, unknown>, [key, ...rest]: readonly [string, ...string[]], value: unknown): void {
  const [next, ...others] = rest;
  if (next === undefined) {
    target[key] = value;
    return;
  }
  const part = (target[key] ??= {}) as Record<string, unknown>;
  assign(part, [next, ...others], value);
}
