import { resolve } from 'node:path';
import { SourceOpenError } from '../core/errors.js';
import { redactUrl, secretsOf } from '../core/redact.js';
import { classifySource, SOURCE_FORMS } from '../core/source-kind.js';
import { isAtLeast, type FfmpegTools } from '../ffmpeg/tools.js';

/** A source as the user wrote it, taken apart. */
export type SourceLocation = {
  readonly kind: 'file' | 'device' | 'rtsp' | 'http';
  /** What ffmpeg gets after `-i`; of a URL only where no way through the gateway is open. A file has a scheme, so that nothing in its path can be taken for a protocol or an option. */
  readonly input: string;
  /** Path of a file or a device, absolute; `null` for URLs. */
  readonly path: string | null;
  /** As the user wrote it, login included; `null` for what is not on the network. */
  readonly url: string | null;
  /** For people: without secrets. */
  readonly displayName: string;
  /** Strings that must not be printed. */
  readonly secrets: readonly string[];
};

/** Containers that a file or an HTTP source may be. What is left out on purpose: playlists and scripts (hls, concat, …), which
 * make ffmpeg open other addresses, and text and image readers, which make a "video" of anything. */
const CONTAINERS = 'mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mpegts,mpeg,mpegvideo,avi,flv,asf,ogg,h264,hevc,m4v,ivf,obu,mxf,nut,mjpeg,mpjpeg,gif,y4m,yuv4mpegpipe,rm,dv,wtv,wav,mp3,aac,flac';

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
      return { kind: found.kind, input: source, path: null, url: source, displayName: redactUrl(source), secrets: secretsOf(source) };
    case 'device':
      return { kind: 'device', input: found.path, path: found.path, url: null, displayName: source, secrets: [] };
    case 'images':
    case 'file': {
      const absolute = resolve(source);
      return { kind: 'file', input: `file:${absolute}`, path: absolute, url: null, displayName: source, secrets: [] };
    }
  }
}

export type TransportOptions = { readonly transport: 'tcp' | 'udp'; readonly timeoutMs: number };

/** ffmpeg's (and ffprobe's) options in front of `-i`: what it may open, how, and how long it may wait. */
export function openOptions(location: SourceLocation, tools: FfmpegTools, options: TransportOptions): readonly string[] {
  const timeoutUs = String(Math.round(options.timeoutMs * 1000));
  switch (location.kind) {
    case 'file':
      return ['-protocol_whitelist', 'file', '-format_whitelist', CONTAINERS];
    case 'device':
      return ['-f', 'v4l2'];
    case 'rtsp':
      // Before ffmpeg 5, `-timeout` made it a server; the time limit was called `-stimeout`.
      return ['-protocol_whitelist', 'rtsp,rtsps,rtp,srtp,udp,tcp,tls,crypto', '-f', 'rtsp', '-rtsp_transport', options.transport, isAtLeast(tools, 5, 0) ? '-timeout' : '-stimeout', timeoutUs];
    case 'http':
      return ['-protocol_whitelist', 'http,https,tcp,tls,crypto,httpproxy', '-format_whitelist', CONTAINERS, '-rw_timeout', timeoutUs];
  }
}
