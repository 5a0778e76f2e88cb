import { realpath } from 'node:fs/promises';
import { isAbsolute, relative } from 'node:path';
import { SourceNotAllowedError } from '../../core/errors.js';
import type { NetworkPolicy } from '../gateway/network-policy.js';
import { checkNetworkAccess } from '../gateway/source-gateway.js';
import { parseSource } from './source-location.js';

/** What a source may be and lead to. */
export type SourceAccess = {
  readonly network: NetworkPolicy;
  /** Folders that files must lie in; `null`: any file. */
  readonly roots: readonly string[] | null;
  /** Largest side of a picture, pixels. */
  readonly maxSidePx: number;
  /** Largest picture, pixels. */
  readonly maxPixels: number;
};

/** Of a source that the operator has written into a file, with the limits that hold where nothing else is configured. */
export const CONFIGURED_ACCESS: SourceAccess = { network: { kind: 'configured' }, roots: null, maxSidePx: 8192, maxPixels: 40_000_000 };

/** What the configuration says of sources. */
export type SourceRules = {
  /** Folders. */
  readonly roots: readonly string[];
  /** `private`, `public`, `loopback` or a CIDR block. */
  readonly networks: readonly string[];
  /** Larger pictures are refused: pixels of the longer side. */
  readonly maxSidePx: number;
  /** Larger pictures are refused: millions of pixels. */
  readonly maxMegapixels: number;
};

/** What a source may be and lead to.
 * @param origin `configured`: named in a file of the operator's; `added`: at run time, by whoever may use the API */
export function accessOf({ networks, roots, maxSidePx, maxMegapixels }: SourceRules, origin: 'configured' | 'added'): SourceAccess {
  const limits = { maxSidePx, maxPixels: maxMegapixels * 1e6 };
  return origin === 'added' ? { ...limits, network: { kind: 'networks', networks }, roots } : { ...limits, network: { kind: 'configured' }, roots: null };
}

/** Checks that a source may be opened at all, as far as that can be said without opening it.
 * @throws {SourceNotAllowedError} it lies outside what `access` allows; for a file that is not there as well, so that the answer does not tell which files are
 * @throws {SourceOpenError} it is no source */
export async function checkSourceAccess(source: string, access: SourceAccess, signal?: AbortSignal): Promise<void> {
  const location = parseSource(source);
  if ('path' in location) await checkFileAccess(location.path, access, location.displayName);
  else await checkNetworkAccess(location.url, access.network, signal);
}

/** Checks that a file lies under one of the roots, wherever links on the way lead.
 * @throws {SourceNotAllowedError} */
export async function checkFileAccess(path: string, { roots }: SourceAccess, displayName: string): Promise<void> {
  if (roots === null) return;
  const refused = new SourceNotAllowedError(`${displayName}: no file under the folders that sources added at run time may use${roots.length === 0 ? ' (there are none' : ' ('}${roots.length === 0 ? ': ' : ''}an operator can add folders to sources.roots)`);
  let real: string;
  try {
    real = await realpath(path);
  } catch (error) {
    throw new SourceNotAllowedError(refused.message, { cause: error });
  }
  for (const root of roots) if (isInside(real, await realpath(root).catch(() => root))) return;
  throw refused;
}

function isInside(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return !isAbsolute(way) && way.split('/')[0] !== '..';
}
