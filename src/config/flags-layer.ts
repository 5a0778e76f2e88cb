import { ProvidedText } from './provided-text.js';
import { checkLayer, type SettingsLayer } from './settings-layer.js';
import { formatPath, type ValuePath, type ValueProblem } from './validate.js';

/** Flags of `sightline serve` as they were typed. */
export type ServeFlags = {
  readonly config?: string | undefined;
  readonly streams?: string | undefined;
  readonly host?: string | undefined;
  readonly port?: string | number | undefined;
  /** `embedded` or `host:port[,host:port…]`. */
  readonly backend?: string | undefined;
  /** `NAME`, `NAME:VERSION` or `NAME@LABEL`. */
  readonly model?: string | undefined;
  readonly modelDir?: string | undefined;
  readonly engine?: string | undefined;
  readonly labels?: string | undefined;
  readonly logLevel?: string | undefined;
  readonly logFormat?: string | undefined;
};

/** Which flag a setting comes from; the first that fits counts. */
const FLAG_OF: readonly (readonly [path: string, flag: string])[] = [
  ['server.host', '--host'],
  ['server.port', '--port'],
  ['backend.embedded.modelDir', '--model-dir'],
  ['backend.embedded.engine', '--engine'],
  ['backend', '--backend'],
  ['model', '--model'],
  ['labels', '--labels'],
  ['log.level', '--log-level'],
  ['log.format', '--log-format'],
];

/** Reads the settings that flags give.
 * @param baseDir folder that paths are relative to
 */
export function flagsLayer(flags: ServeFlags, baseDir: string): SettingsLayer {
  const problems: ValueProblem[] = [];
  const { host, port, labels, logLevel, logFormat } = flags;
  const settings = {
    server: defined({ host: typed(host), port: typeof port === 'string' ? typed(port) : port }),
    backend: backendOf(flags),
    model: flags.model === undefined ? undefined : modelOf(flags.model, problems),
    labels: typed(labels),
    log: defined({ level: typed(logLevel), format: typed(logFormat) }),
  };
  const locate = (path: ValuePath): { file: null; path: string } => {
    const place = formatPath(path);
    return { file: null, path: FLAG_OF.find(([setting]) => place === setting || place.startsWith(`${setting}.`) || place.startsWith(`${setting}[`))?.[1] ?? place };
  };
  return checkLayer('flags', defined(settings) ?? {}, { locate, baseDir, earlier: problems });
}

function backendOf({ backend, modelDir, engine }: ServeFlags): Record<string, unknown> | undefined {
  const endpoints = backend === undefined || backend === 'embedded' ? undefined : backend.split(',').map((item) => new ProvidedText(item.trim(), false));
  const embedded = backend === 'embedded' || modelDir !== undefined || engine !== undefined ? (defined({ modelDir: typed(modelDir), engine: typed(engine) }) ?? {}) : undefined;
  return defined({ endpoints, embedded });
}

/** A name that holds `:` or `@` itself cannot be given by flag, only in the file. */
function modelOf(model: string, problems: ValueProblem[]): Record<string, unknown> | undefined {
  const match = /^(?<name>[^:@]+)(?::(?<version>\d+)|@(?<label>.+))?$/u.exec(model)?.groups;
  if (match === undefined) {
    problems.push({ path: ['model'], message: 'expected NAME, NAME:VERSION or NAME@LABEL, where the version is a number' });
    return undefined;
  }
  return defined({ name: typed(match['name']), version: typed(match['version']), versionLabel: typed(match['label']) });
}

function typed(text: string | undefined): ProvidedText | undefined {
  return text === undefined ? undefined : new ProvidedText(text, false);
}

function defined(values: Record<string, unknown>): Record<string, unknown> | undefined {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined);
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}
