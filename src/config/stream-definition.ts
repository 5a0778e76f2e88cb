import { absoluteSource, classifySource, natureOf, SOURCE_FORMS, type SourceKind } from '../core/source-kind.js';
import { DEFAULTS } from './defaults.js';
import { STREAM_ID } from './leaves.js';
import type { StreamConfig } from './service-config.js';
import { streamSchema, type StreamDefinition } from './stream-schema.js';
import { validate, type ValueProblem } from './validate.js';

/** Where a definition comes from. */
export type DefinitionOrigin = {
  /** The file it stands in, `null` when it came over the API. */
  readonly file: string | null;
  /** Id where the definition has none, such as the file's name; `null`: it must have one. */
  readonly defaultId: string | null;
  /** Folder that a path as source is relative to. */
  readonly baseDir: string;
};

/** Turns a stream definition into a stream, or says all that is wrong with it.
 * @param input parsed YAML or JSON
 * @param earlier problems found while reading it; places that have one are not complained of again
 */
export function parseStreamDefinition(input: unknown, origin: DefinitionOrigin, earlier: readonly ValueProblem[] = []): { readonly stream: StreamConfig | null; readonly problems: readonly ValueProblem[] } {
  const { value, problems: found } = validate(streamSchema, input);
  const problems = [...earlier];
  const add = (problem: ValueProblem): void => {
    const top = problem.path[0];
    if (!problems.some(({ path }) => path[0] === top)) problems.push(problem);
  };
  // Several unknown keys or thresholds are all told; what follows is only asked of places that are right so far.
  problems.push(...found.filter(({ path }) => !earlier.some((other) => JSON.stringify(other.path) === JSON.stringify(path))));
  if (value === null) return { stream: null, problems };

  const kind = value.source === undefined ? null : classifySource(value.source);
  if (value.source === undefined) add({ path: ['source'], message: `is missing: expected ${SOURCE_FORMS}` });
  else if (kind === null) add({ path: ['source'], message: `expected ${SOURCE_FORMS}` });
  if (kind !== null) for (const problem of contradictions(value, kind)) add(problem);
  const id = value.id ?? origin.defaultId;
  if (id === null || !STREAM_ID.test(id)) add({ path: ['id'], message: id === null ? 'is missing: expected 1 to 64 letters, digits, - and _' : "is needed, as the file's name is no id: expected 1 to 64 letters, digits, - and _" });

  if (problems.length > 0 || kind === null || id === null || value.source === undefined) return { stream: null, problems };
  return { stream: complete(value, { ...origin, id, kind, source: value.source }), problems };
}

function complete(given: StreamDefinition, { id, kind, source, baseDir, file }: DefinitionOrigin & { id: string; kind: SourceKind; source: string }): StreamConfig {
  const defaults = DEFAULTS.stream;
  const absolute = absoluteSource(source, kind, baseDir);
  return {
    id,
    name: given.name ?? id,
    source: absolute,
    mode: given.mode ?? natureOf(kind),
    fps: given.fps ?? defaults.fps,
    widthPx: given.widthPx ?? defaults.widthPx,
    thresholds: { ...defaults.thresholds, ...given.thresholds },
    transport: given.transport ?? defaults.transport,
    timeoutMs: given.timeoutMs ?? defaults.timeoutMs,
    hwaccel: given.hwaccel === 'none' ? null : (given.hwaccel ?? defaults.hwaccel),
    hwaccelDevice: given.hwaccelDevice ?? defaults.hwaccelDevice,
    imageFps: given.imageFps ?? defaults.imageFps,
    detectSource: given.detectSource ?? defaults.detectSource,
    loop: given.loop ?? defaults.loop,
    file,
    given: { ...Object.fromEntries(Object.entries(given).filter(([key, value]) => key !== 'id' && value !== undefined)), source: absolute },
  };
}

/** Sources that have no end, with what messages call them. */
const ENDLESS: Partial<Record<SourceKind['kind'], string>> = { rtsp: 'a camera (rtsp)', device: 'a camera at this machine' };

function contradictions(given: StreamDefinition, { kind }: SourceKind): ValueProblem[] {
  const problems: ValueProblem[] = [];
  const say = (key: keyof StreamDefinition, message: string): void => {
    problems.push({ path: [key], message });
  };
  const endless = ENDLESS[kind];
  if (endless !== undefined && given.mode === 'replay') say('mode', `${endless} cannot be replayed: expected live`);
  if (endless !== undefined && given.loop === true) say('loop', `${endless} has no end to loop at: expected false`);
  if (kind !== 'rtsp' && given.transport !== undefined) say('transport', 'is only for rtsp(s):// sources');
  // A path may turn out to be a folder of images.
  if (kind !== 'images' && kind !== 'file' && given.imageFps !== undefined) say('imageFps', 'is only for images');
  if (given.hwaccelDevice !== undefined && (given.hwaccel === undefined || given.hwaccel === 'none')) say('hwaccelDevice', 'is only for sources with hwaccel');
  if (given.detectSource !== undefined) {
    const detectKind = classifySource(given.detectSource)?.kind;
    if (detectKind !== 'rtsp' && detectKind !== 'http') say('detectSource', 'expected rtsp(s)://… or http(s)://…');
    else if (kind !== 'rtsp' && kind !== 'http') say('detectSource', 'is only for cameras: a second, smaller stream of the same one');
  }
  return problems;
}
