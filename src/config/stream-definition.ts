import { isAbsolute, resolve } from 'node:path';

import type { StreamMode } from '../core/stream-status.js';
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

const MAX_SOURCE_CHARACTERS = 4096;

type SourceKind = 'rtsp' | 'http' | 'file' | 'demo';

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

  const kind = value.source === undefined ? null : sourceKind(value.source);
  if (value.source === undefined) add({ path: ['source'], message: 'is missing: expected rtsp(s)://…, http(s)://…, a path or demo:street' });
  else if (kind === null) add({ path: ['source'], message: 'expected rtsp(s)://…, http(s)://…, a path (./name:with-colon.mp4 when it has one) or demo:street' });
  if (kind !== null) for (const problem of contradictions(value, kind)) add(problem);
  const id = value.id ?? origin.defaultId;
  if (id === null || !STREAM_ID.test(id)) add({ path: ['id'], message: id === null ? 'is missing: expected 1 to 64 letters, digits, - and _' : "is needed, as the file's name is no id: expected 1 to 64 letters, digits, - and _" });

  if (problems.length > 0 || kind === null || id === null || value.source === undefined) return { stream: null, problems };
  return { stream: complete(value, { ...origin, id, kind, source: value.source }), problems };
}

function complete(given: StreamDefinition, { id, kind, source, baseDir, file }: DefinitionOrigin & { id: string; kind: SourceKind; source: string }): StreamConfig {
  const defaults = DEFAULTS.stream;
  return {
    id,
    name: given.name ?? id,
    source: kind === 'file' ? resolve(baseDir, source) : source,
    mode: given.mode ?? defaultMode(kind),
    fps: given.fps ?? defaults.fps,
    widthPx: given.widthPx ?? defaults.widthPx,
    thresholds: { ...defaults.thresholds, ...given.thresholds },
    transport: given.transport ?? defaults.transport,
    timeoutMs: given.timeoutMs ?? defaults.timeoutMs,
    hwaccel: given.hwaccel === 'none' ? null : (given.hwaccel ?? defaults.hwaccel),
    detectSource: given.detectSource ?? defaults.detectSource,
    loop: given.loop ?? defaults.loop,
    file,
  };
}

function defaultMode(kind: SourceKind): StreamMode {
  return kind === 'file' ? 'replay' : 'live';
}

function contradictions(given: StreamDefinition, kind: SourceKind): ValueProblem[] {
  const problems: ValueProblem[] = [];
  const say = (key: keyof StreamDefinition, message: string): void => {
    problems.push({ path: [key], message });
  };
  if (kind === 'rtsp' && given.mode === 'replay') say('mode', 'a camera (rtsp) cannot be replayed: expected live');
  if (kind === 'rtsp' && given.loop === true) say('loop', 'a camera (rtsp) has no end to loop at: expected false');
  if (kind !== 'rtsp' && given.transport !== undefined) say('transport', 'is only for rtsp(s):// sources');
  if (given.detectSource !== undefined) {
    const detectKind = sourceKind(given.detectSource);
    if (detectKind !== 'rtsp' && detectKind !== 'http') say('detectSource', 'expected rtsp(s)://… or http(s)://…');
    else if (kind !== 'rtsp' && kind !== 'http') say('detectSource', 'is only for cameras: a second, smaller stream of the same one');
  }
  return problems;
}

/** @returns `null` for what is no source: another scheme, or a URL without a host */
function sourceKind(source: string): SourceKind | null {
  if (source.length > MAX_SOURCE_CHARACTERS) return null;
  const scheme = /^([a-z][a-z0-9+.-]*):/iu.exec(source)?.[1]?.toLowerCase();
  // A single letter is a drive, and what begins with a dot or a slash is a path whatever comes later.
  if (scheme === undefined || scheme.length === 1 || isAbsolute(source) || source.startsWith('.')) return source.includes('\0') ? null : 'file';
  if (scheme === 'demo') return source === 'demo:street' ? 'demo' : null;
  if (!/^(?:rtsps?|https?):\/\//iu.test(source) || /\s/u.test(source)) return null;
  // A password may hold what would end it elsewhere: it reaches to the last @.
  const afterUserInfo = source.replace(/^[a-z]+:\/\/(?:.*@)?/iu, '');
  if (/^(?:[/?#:]|$)/u.test(afterUserInfo)) return null;
  return scheme.startsWith('rtsp') ? 'rtsp' : 'http';
}
