import { isAbsolute, resolve } from 'node:path';
import { SourceOpenError } from '../core/errors.js';
import { redactUrl, secretsOf } from '../core/redact.js';
import { isAtLeast, type FfmpegTools } from '../ffmpeg/tools.js';

/** Name of the source that plays the demo clip. */
export const DEMO_SOURCE = 'demo:street';

/** A source as the user wrote it, taken apart. */
export type SourceLocation = {
  readonly kind: 'file' | 'rtsp' | 'http';
  /** What ffmpeg gets after `-i`: always with a scheme, so that nothing in a path can be taken for a protocol or an option. */
  readonly input: string;
  /** Path of a file, absolute; `null` for URLs. */
  readonly path: string | null;
  /** For people: without secrets. */
  readonly displayName: string;
  /** Strings that must not be printed. */
  readonly secrets: readonly string[];
};

/** Containers that a file or an HTTP source may be. What is left out on purpose: playlists and scripts (hls, concat, …), which
 * make ffmpeg open other addresses, and text and image readers, which make a "video" of anything. */
const CONTAINERS = 'mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mpegts,mpeg,mpegvideo,avi,flv,asf,ogg,h264,hevc,m4v,ivf,obu,mxf,nut,mjpeg,mpjpeg,gif,y4m,yuv4mpegpipe,rm,dv,wtv,wav,mp3,aac,flac';

/** Takes a source apart. Only paths, `rtsp(s)://` and `http(s)://` pass.
 * @throws {SourceOpenError} for any other scheme and for a URL without a host */
export function parseSource(source: string): SourceLocation {
  const scheme = /^([a-z][a-z0-9+.-]*):/iu.exec(source)?.[1]?.toLowerCase();
  // A drive letter is not a scheme, and neither is "a:b.mp4" when it is written with a folder.
  if (scheme === undefined || scheme.length === 1 || isAbsolute(source) || source.startsWith('.')) return fileLocation(source);
  if (scheme === 'rtsp' || scheme === 'rtsps') return urlLocation('rtsp', source);
  if (scheme === 'http' || scheme === 'https') return urlLocation('http', source);
  throw new SourceOpenError(`${redactUrl(source)}: a source is a path, rtsp(s)://, http(s):// or ${DEMO_SOURCE}, not ${scheme}:`);
}

export type TransportOptions = { readonly transport: 'tcp' | 'udp'; readonly timeoutMs: number };

/** ffmpeg's (and ffprobe's) options in front of `-i`: what it may open, how, and how long it may wait. */
export function openOptions(location: SourceLocation, tools: FfmpegTools, options: TransportOptions): readonly string[] {
  const timeoutUs = String(Math.round(options.timeoutMs * 1000));
  switch (location.kind) {
    case 'file':
      return ['-protocol_whitelist', 'file', '-format_whitelist', CONTAINERS];
    case 'rtsp':
      // Before ffmpeg 5, `-timeout` made it a server; the time limit was called `-stimeout`.
      return ['-protocol_whitelist', 'rtsp,rtsps,rtp,srtp,udp,tcp,tls,crypto', '-f', 'rtsp', '-rtsp_transport', options.transport, isAtLeast(tools, 5, 0) ? '-timeout' : '-stimeout', timeoutUs];
    case 'http':
      return ['-protocol_whitelist', 'http,https,tcp,tls,crypto', '-format_whitelist', CONTAINERS, '-rw_timeout', timeoutUs];
  }
}

function fileLocation(path: string): SourceLocation {
  const absolute = resolve(path);
  return { kind: 'file', input: `file:${absolute}`, path: absolute, displayName: path, secrets: [] };
}

function urlLocation(kind: 'rtsp' | 'http', source: string): SourceLocation {
  const afterUserInfo = source.replace(/^[a-z]+:\/\/(?:.*@)?/iu, '');
  if (/\s/u.test(source) || /^(?:[/?#:]|$)/u.test(afterUserInfo)) throw new SourceOpenError(`${redactUrl(source)}: not a usable URL, expected for example ${kind}://camera/stream`);
  return { kind, input: escapeUserInfo(source), path: null, displayName: redactUrl(source), secrets: secretsOf(source) };
}

/** ffmpeg ends user and password at the first `/`, `?` or `#`: those are encoded, should the password hold them as they are. */
function escapeUserInfo(url: string): string {
  return url.replace(/^([a-z]+:\/\/)(.*)@/iu, (_match, start: string, userInfo: string) => `${start}${userInfo.replace(/[@/?#]/gu, encodeURIComponent)}@`);
}
