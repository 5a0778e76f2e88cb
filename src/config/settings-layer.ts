import { resolve } from 'node:path';

import type { ConfigIssue } from '../core/errors.js';
import { serviceSchema, type ServiceSettings } from './service-schema.js';
import { formatPath, validate, type ValuePath, type ValueProblem } from './validate.js';

/** Settings from one place: the file, the environment or the flags. */
export type SettingsLayer = {
  readonly kind: 'file' | 'environment' | 'flags';
  readonly settings: ServiceSettings;
  /** Names a setting as its author knows it, for messages. */
  readonly locate: Locate;
  readonly issues: readonly ConfigIssue[];
  /** Settings that were taken out because they are wrong, as `server.port`. */
  readonly broken: readonly string[];
};

export type Locate = (path: ValuePath) => Pick<ConfigIssue, 'file' | 'path'>;

/** Checks the values of a layer and makes its paths absolute.
 * @param earlier problems found while reading; places that have one are not complained of again
 */
export function checkLayer(kind: SettingsLayer['kind'], input: unknown, { locate, baseDir, earlier = [] }: { readonly locate: Locate; readonly baseDir: string; readonly earlier?: readonly ValueProblem[] }): SettingsLayer {
  const { value, problems } = validate(serviceSchema, input);
  const places = new Set(earlier.map(({ path }) => formatPath(path)));
  const all = [...earlier, ...problems.filter(({ path }) => !places.has(formatPath(path)))];
  return {
    kind,
    settings: withAbsolutePaths(value ?? {}, baseDir),
    locate,
    issues: all.map(({ path, message }) => ({ ...locate(path), message })),
    broken: all.map(({ path }) => formatPath(path)),
  };
}

function withAbsolutePaths(settings: ServiceSettings, baseDir: string): ServiceSettings {
  const absolute = (path: string): string => resolve(baseDir, path);
  const { server, backend, labels, sources } = settings;
  return {
    ...settings,
    ...(labels === undefined ? {} : { labels: absolute(labels) }),
    ...(server?.tls === undefined ? {} : { server: { ...server, tls: mapped(server.tls, absolute) } }),
    ...(sources?.roots === undefined ? {} : { sources: { ...sources, roots: sources.roots.map(absolute) } }),
    ...(backend === undefined
      ? {}
      : {
          backend: {
            ...backend,
            ...(backend.embedded?.modelDir === undefined ? {} : { embedded: { ...backend.embedded, modelDir: absolute(backend.embedded.modelDir) } }),
            ...(backend.tls === undefined ? {} : { tls: mapped(backend.tls, absolute) }),
          },
        }),
  };
}

/** Paths by their names, those that are given made absolute. */
function mapped<T extends Readonly<Record<string, string | undefined>>>(paths: T, absolute: (path: string) => string): T {
  return Object.fromEntries(Object.entries(paths).flatMap(([name, path]) => (path === undefined ? [] : [[name, absolute(path)]]))) as T;
}
