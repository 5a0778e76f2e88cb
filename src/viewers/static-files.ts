import { readFile, realpath, stat } from 'node:fs/promises';
import { extname, join, sep } from 'node:path';

/** A file of the built page, ready to be answered with. */
export type StaticFile = { readonly body: Buffer; readonly contentType: string; readonly cacheControl: string; readonly etag: string };

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.webmanifest': 'application/manifest+json',
  '.txt': 'text/plain; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.ico': 'image/x-icon',
  '.webp': 'image/webp',
  '.woff2': 'font/woff2',
  '.wasm': 'application/wasm',
};

/** Vite's names for built assets: `assets/name-HASH.ext`; another content has another name. */
const HASHED_ASSET = /^\/assets\/[^/]+-[A-Za-z0-9_-]{8,}\.[a-z0-9]+(?:\.map)?$/;
const ONE_YEAR_SECONDS = 31_536_000;
/** Names that may be asked for, segment by segment: no hidden files, nothing that means another folder on any system. */
const SEGMENT = /^[A-Za-z0-9_@-][A-Za-z0-9_.@-]*$/;

/**
 * Reads a file of the page.
 * @param webRoot folder of the built page; nothing outside it is ever read, through links neither
 * @param urlPath path of the URL as it came, percent-encoded; `/` is `/index.html`
 * @returns `null` when there is no such file
 */
export async function readStaticFile(webRoot: string, urlPath: string): Promise<StaticFile | null> {
  const path = safePath(urlPath);
  if (path === null) return null;
  try {
    const root = await realpath(webRoot);
    const file = await realpath(join(root, path));
    if (!file.startsWith(root + sep)) return null;
    const info = await stat(file);
    if (!info.isFile()) return null;
    return {
      body: await readFile(file),
      contentType: CONTENT_TYPES[extname(file).toLowerCase()] ?? 'application/octet-stream',
      cacheControl: HASHED_ASSET.test(path) ? `public, max-age=${String(ONE_YEAR_SECONDS)}, immutable` : 'no-cache',
      etag: `"${info.size.toString(36)}-${Math.round(info.mtimeMs).toString(36)}"`,
    };
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

function safePath(urlPath: string): string | null {
  if (urlPath === '/') return '/index.html';
  let path: string;
  try {
    path = decodeURIComponent(urlPath);
  } catch {
    return null; // a malformed escape names no file
  }
  const segments = path.split('/').slice(1);
  return path.startsWith('/') && segments.every((segment) => SEGMENT.test(segment)) ? path : null;
}

function isMissing(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP' || code === 'ENAMETOOLONG';
}
