import { resolve } from 'node:path';
import { SourceOpenError } from '../../core/errors.js';
import { redactUrl, secretsOf } from '../../core/redact.js';
import { classifySource, SOURCE_FORMS } from '../../core/source-kind.js';
import { isAtLeast, type FfmpegTools } from '../../ffmpeg/tools.js';
import { FILE_DEMUXERS, HTTP_DEMUXERS } from './demuxers.js';

type Common = {
  /** For people: without secrets. */
  readonly displayName: string;
  /** Strings that must not be printed. */
  readonly secrets: readonly string[];
};

/** A file or a camera at this machine. */
export type PathLocation = Common & {
  readonly kind: 'file' | 'device';
  /** Absolute. */
  readonly path: string;
};

/** The images of a folder. */
export type ImagesLocation = Common & {
  readonly kind: 'images';
  /** Of the folder, absolute. */
  readonly path: string;
  /** Of names inside the folder, with `*` and `?`; `null`: every image. */
  readonly pattern: string | null;
};

/** A source on the network. */
export type UrlLocation = Common & {
  readonly kind: 'rtsp' | 'http';
  /** As the user wrote it, login included. */
  readonly url: string;
};

/** A source as the user wrote it, taken apart. */
export type SourceLocation = PathLocation | ImagesLocation | UrlLocation;

/** Takes a source apart. Only what {@link classifySource} knows passes.
 * @throws {SourceOpenError} for everything else */
export function parseSource(source: string): SourceLocation {
  const found = classifySource(source);
  switch (found?.kind) {
    case undefined:
    case 'demo':
      throw new SourceOpenError(`${redactUrl(source.slice(0, 200))}: a source is ${SOURCE_FORMS}`);
    case 'rtsp':
    case 'http':
      return { kind: found.kind, url: source, displayName: redactUrl(source), secrets: secretsOf(source) };
    case 'images':
      return { kind: 'images', path: resolve(found.folder), pattern: found.pattern, displayName: source, secrets: [] };
    case 'device':
    case 'file':
      return { kind: found.kind, path: resolve(found.path), displayName: source, secrets: [] };
  }
}

/** Whether it lies on this machine's disk: what is wrong with it stays wrong, and it can be read as fast as one likes. */
export function isOnDisk({ kind }: SourceLocation): boolean {
  return kind === 'file' || kind === 'images';
}

/** What ffmpeg gets after `-i` for a file or a device. A file has a scheme, so that nothing in its path can be taken for a protocol or an option. */
export function pathInput({ kind, path }: PathLocation): string {
  return kind === 'file' ? `file:${path}` : path;
}

export type OpenSettings = {
  readonly transport: 'tcp' | 'udp';
  readonly timeoutMs: number;
  /** Images a second of a folder of images; default 1. */
  readonly imageFps?: number | undefined;
};

/** ffmpeg's (and ffprobe's) options in front of `-i`: what it may open, how, and how long it may wait. */
export function openOptions({ kind }: SourceLocation, tools: FfmpegTools, { transport, timeoutMs, imageFps = 1 }: OpenSettings): readonly string[] {
  const timeoutUs = String(Math.round(timeoutMs * 1000));
  switch (kind) {
    case 'file':
      return ['-protocol_whitelist', 'file', '-format_whitelist', FILE_DEMUXERS];
    case 'images':
      return ['-protocol_whitelist', 'file', '-f', 'image2', '-framerate', String(imageFps), '-start_number', '0'];
    case 'device':
      return ['-f', 'v4l2'];
    case 'rtsp':
      // Before ffmpeg 5, `-timeout` made it a server; the time limit was called `-stimeout`.
      return ['-protocol_whitelist', 'rtsp,rtp,srtp,udp,tcp', '-f', 'rtsp', '-rtsp_transport', transport, isAtLeast(tools, 5, 0) ? '-timeout' : '-stimeout', timeoutUs];
    case 'http':
      // TLS is made on the way, see HttpProxy; with `httpproxy` a playlist could lead past it.
      return ['-protocol_whitelist', 'http,tcp,crypto', '-format_whitelist', HTTP_DEMUXERS, '-rw_timeout', timeoutUs];
  }
}
