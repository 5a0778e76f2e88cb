import { mkdtemp, readdir, realpath, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { SourceOpenError } from '../../core/errors.js';
import { isImageName } from '../../core/source-kind.js';
import { checkFileAccess, type SourceAccess } from './source-access.js';
import type { SourceLocation } from './source-location.js';

/** More images than this in one folder are refused: each costs a link. */
const MAX_IMAGES = 200_000;
/** Images that are looked at together. */
const TOGETHER = 64;
/** Digits of a link's number. */
const DIGITS = 9;

/** The images of a folder as one recording: image n is frame n. ffmpeg reads a row of numbered links to them, so that no name can mean anything to it, numbers are
 * ordered as people do (2 before 10), and a link leads to the very file that was checked. */
export class ImageFolder {
  /** Pattern of the links, for ffmpeg's `image2`. */
  readonly input: string;
  readonly count: number;
  readonly #links: string;
  #closing: Promise<void> | null = null;

  private constructor(links: string, extension: string, count: number) {
    this.#links = links;
    this.input = `${links.replaceAll('%', '%%')}/%0${String(DIGITS)}d${extension}`;
    this.count = count;
  }

  /** Finds the images and links them.
   * @throws {SourceOpenError} no such folder, no image in it, images of more than one kind, or too many
   * @throws {SourceNotAllowedError} the folder, or where one of its images leads, lies outside what `access` allows */
  static async open(location: SourceLocation & { readonly kind: 'images' }, access: SourceAccess, signal: AbortSignal): Promise<ImageFolder> {
    const { path, pattern, displayName } = location;
    await checkFileAccess(path, access, displayName);
    const names = (await namesIn(path, displayName)).filter(matcherOf(pattern)).sort(byNumbersInNames);
    const files = await usableFiles(names.map((name) => join(path, name)), access, displayName, signal);
    const extension = onlyExtension(names, displayName);
    if (files.length === 0) throw new SourceOpenError(`${displayName}: ${pattern === null ? 'is a folder with no image in it' : 'no image there'} (jpg, png, webp, bmp or tif)`);
    if (files.length > MAX_IMAGES) throw new SourceOpenError(`${displayName}: ${String(files.length)} images are more than ${String(MAX_IMAGES)}: name fewer, such as shots/2026-11-*.jpg`);
    const links = await mkdtemp(join(tmpdir(), 'sightline-images-'));
    const folder = new ImageFolder(links, extension, files.length);
    try {
      await inTurns(files, signal, (file, index) => symlink(file, join(links, `${String(index).padStart(DIGITS, '0')}${extension}`)));
      return folder;
    } catch (error) {
      await folder.close();
      throw error;
    }
  }

  /** Removes the links. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= rm(this.#links, { recursive: true, force: true });
    return this.#closing;
  }
}

async function namesIn(path: string, displayName: string): Promise<readonly string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const reason = code === 'ENOENT' ? 'no such folder' : code === 'ENOTDIR' ? 'is no folder' : code === 'EACCES' ? 'no permission to read it' : `cannot be read (${String(code)})`;
    throw new SourceOpenError(`${displayName}: ${reason}`, { cause: error });
  }
}

/** @param pattern with `*` and `?`; capital letters do not matter; `null`: every image */
function matcherOf(pattern: string | null): (name: string) => boolean {
  const text = (pattern ?? '*').replace(/[.+^${}()|[\]\\]/gu, '\\$&').replaceAll('*', '.*').replaceAll('?', '.');
  const expression = new RegExp(`^${text}$`, 'isu');
  return (name) => !name.startsWith('.') && isImageName(name) && expression.test(name);
}

function byNumbersInNames(a: string, b: string): number {
  return COLLATOR.compare(a, b) || (a < b ? -1 : 1);
}
const COLLATOR = new Intl.Collator('en', { numeric: true });

/** ffmpeg takes one decoder for all images of a row. */
function onlyExtension(names: readonly string[], displayName: string): string {
  const found = new Set(names.map((name) => extname(name).toLowerCase().replace('.jpeg', '.jpg').replace('.tiff', '.tif')));
  const [first = '', ...others] = found;
  if (others.length > 0) throw new SourceOpenError(`${displayName}: holds images of several kinds (${[...found].map((each) => each.slice(1)).join(', ')}): name one, such as *${first}`);
  return first;
}

/** Real paths of the files among `paths`, empty ones left out. */
async function usableFiles(paths: readonly string[], access: SourceAccess, displayName: string, signal: AbortSignal): Promise<readonly string[]> {
  const found = await inTurns(paths, signal, async (path) => {
    const real = await realpath(path).catch(() => null);
    if (real === null) return null; // a link to nowhere, or gone in the meantime
    await checkFileAccess(real, access, displayName);
    const facts = await stat(real);
    return facts.isFile() && facts.size > 0 ? real : null;
  });
  return found.filter((path) => path !== null);
}

async function inTurns<T>(paths: readonly string[], signal: AbortSignal, work: (path: string, index: number) => Promise<T>): Promise<T[]> {
  const done: T[] = [];
  for (let start = 0; start < paths.length; start += TOGETHER) {
    signal.throwIfAborted();
    done.push(...(await Promise.all(paths.slice(start, start + TOGETHER).map((path, index) => work(path, start + index)))));
  }
  return done;
}
