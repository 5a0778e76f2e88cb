import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { carriesTimes, FILE_DEMUXERS, HTTP_DEMUXERS, isHls } from '../../../src/sources/opening/demuxers.js';

/** What makes ffmpeg open other addresses, or takes anything for a video; and devices. */
const NEVER = ['concat', 'concatf', 'dash', 'sdp', 'rtsp', 'rtp', 'sap', 'imf', 'webm_dash_manifest', 'ffmetadata', 'lavfi', 'image2', 'image2pipe', 'rawvideo', 'data', 'bin', 'xbin', 'adf', 'idf', 'tty', 'ico', 'subviewer', 'srt', 'webvtt', 'vobsub', 'libdc1394', 'v4l2', 'x11grab', 'kmsgrab', 'fbdev', 'alsa', 'avisynth', 'vapoursynth'];

describe('the demuxers that may be used', () => {
  it('are none that lead elsewhere, and playlists only where the gateway sees what they lead to', () => {
    const [file, http] = [FILE_DEMUXERS, HTTP_DEMUXERS].map((list) => list.split(','));
    for (const name of NEVER) {
      expect(file).not.toContain(name);
      expect(http).not.toContain(name);
    }
    expect(file).not.toContain('hls');
    expect(http).toContain('hls');
    expect(file?.filter((name) => name.endsWith('_pipe'))).toEqual([]);
  });

  it('are names that ffmpeg knows, but for those of newer versions', async () => {
    const { stdout } = await promisify(execFile)('ffmpeg', ['-hide_banner', '-demuxers']);
    const known = new Set(stdout.split('\n').flatMap((line) => (/^ D. +(\S+)/u.exec(line)?.[1] ?? '').split(',')));
    const unknown = [...new Set([...FILE_DEMUXERS.split(','), ...HTTP_DEMUXERS.split(',')])].filter((name) => !known.has(name));
    expect(unknown.filter((name) => !['vvc', 'evc', 'live_flv'].includes(name))).toEqual([]);
  });

  it('tell which sources have times of their own', () => {
    expect(['mpegts', 'mov,mp4,m4a,3gp,3g2,mj2', 'hls', 'rtsp', 'matroska,webm'].map(carriesTimes)).toEqual([true, true, true, true, true]);
    expect(['mpjpeg', 'mjpeg', 'h264'].map(carriesTimes)).toEqual([false, false, false]);
    expect([isHls({ container: 'hls' }), isHls({ container: 'mpegts' })]).toEqual([true, false]);
  });
});
