import { execFile } from 'node:child_process';
import { createCipheriv } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { SourceAccess } from '../../../src/sources/opening/source-access.js';
import { numberedClip } from '../../helpers/clips.js';
import { RtspCamera } from '../../helpers/rtsp-camera.js';
import { file, page, redirect, webLogin, type WebScript } from '../../helpers/scripted-web.js';
import { sourceHarness, upTo } from '../../helpers/source-harness.js';
import { until } from '../../helpers/until.js';
import { ALLOWED, gatewayHarness } from './gateway-harness.js';

const { readAll, watch, folder } = sourceHarness();
const { web, canary } = gatewayHarness();

const access: SourceAccess = { network: ALLOWED, roots: [], maxSidePx: 8192, maxPixels: 40_000_000 };
const clip = async (): Promise<Buffer> => readFile(await numberedClip({ name: 'gateway.mp4', frames: 30, options: ['-movflags', '+faststart'] }));

/** The command line of a process, and of all that it has become. */
async function commandLine(pid: number | undefined): Promise<string> {
  return (await readFile(`/proc/${String(pid)}/cmdline`, 'latin1')).replaceAll('\0', ' ');
}

describe('ffmpeg, through the gateway', () => {
  it.each([['basic', false], ['digest', false], ['basic', true]] as const)('plays a video that needs a login and a query, and is told neither: %s, TLS %s', async (scheme, tls) => {
    const [user, password] = ['admin', `Zq7:@/?#%"'ü`];
    const server = await web(undefined, { tls });
    const film = file(await clip());
    server.script = webLogin({ scheme, user, password }, (request, socket) => (request.target === '/film.mp4?token=Zq7query' ? film(request, socket) : page('', { status: '404 Not Found' })));
    const { source, frames, states } = watch(`http${tls ? 's' : ''}://${user}:${encodeURIComponent(password)}@${server.authority}/film.mp4?token=Zq7query`, { access });
    source.start();
    source.request(5);
    await until(() => frames.length === 5, { timeoutMs: 20_000 });
    const told = await commandLine(source.pid);
    expect(told).toMatch(/^\S*ffmpeg .* -i http:\/\/127\.0\.0\.1:\d+\/film\.mp4 /u);
    expect(/.{0,60}(?:Zq7|token=|proxy=|sightline:[^vf]).{0,60}/u.exec(told)).toBeNull();
    source.request(Infinity);
    await until(() => source.status.state === 'ended', { timeoutMs: 20_000 });
    expect(source.status.error).toBeNull();
    expect(frames.map(({ display }) => display)).toEqual(upTo(30));
    expect(JSON.stringify(states)).not.toMatch(/Zq7/u);
  });

  it('is told neither login nor path of a camera', async () => {
    const camera = await RtspCamera.start({ auth: 'digest', password: 'Zq7secret', path: '/Zq7path', widthPx: 320, heightPx: 180 });
    try {
      const { source, frames } = watch(camera.url, { mode: 'live', access });
      source.start();
      await until(() => frames.length > 2, { timeoutMs: 20_000 });
      const told = await commandLine(source.pid);
      expect(told).toMatch(/ -i rtsp:\/\/127\.0\.0\.1:\d+\/[0-9a-f]{24} /u);
      expect(told).not.toMatch(/Zq7|admin/u);
      await source.close();
    } finally {
      await camera.close();
    }
  });

  it.each<[string, (trap: string) => WebScript, RegExp]>([
    ['by a redirect to a metadata service', () => () => redirect('http://169.254.169.254/latest/meta-data/'), /169\.254\.169\.254 is not one that a source added at run time may reach/u],
    ['by a redirect', (trap) => () => redirect(`http://${trap}/`), /is not one that a source/u],
    ['by a redirect to TLS', (trap) => () => redirect(`https://${trap}/`), /is not one that a source/u],
    ['by a redirect to what is not of the web', (trap) => () => redirect(`tcp://${trap}`), /not http:\/\/ or https:\/\//u],
    ['by a playlist', (trap) => playlist(`http://${trap}/a.ts`), /is not one that a source/u],
    ['by a playlist over TLS', (trap) => playlist(`https://${trap}/a.ts`), /is not one that a source/u],
    ["by a playlist with ffmpeg's own way to a proxy", (trap) => playlist(`httpproxy://${trap}/a.ts`), /leads to httpproxy:/u],
    ['by the key of a playlist', (trap) => playlist('a.ts', `#EXT-X-KEY:METHOD=AES-128,URI="httpproxy://${trap}/key"`), /leads to httpproxy:/u],
    ['by a playlist without a type or a name', (trap) => playlist(`httpproxy://${trap}/a.ts`, '', 'text/plain'), /leads to httpproxy:/u],
    ['by a list of playlists', (trap) => ({ target }) => page(target.startsWith('/second') ? `#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nhttp://${trap}/a.ts\n#EXT-X-ENDLIST\n` : '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nsecond.m3u8\n', { headers: { 'Content-Type': 'application/vnd.apple.mpegurl' } }), /is not one that a source/u],
  ])('is not led to where no source may be: %s', async (_name, script, words) => {
    const trap = await canary();
    const server = await web(script(trap.authority));
    const { source } = watch(`http://u:Zq7@${server.authority}/v.m3u8`, { access, timeoutMs: 3_000 });
    source.start();
    source.request(Infinity);
    await until(() => source.status.error !== null, { timeoutMs: 20_000 });
    expect([source.status.error?.code, trap.hits]).toEqual(['source-not-allowed', 0]);
    expect(source.status.error?.message).toMatch(words);
    expect(source.status.error?.message).not.toMatch(/Zq7/u);
  });

  it('plays a playlist whose segments and key are on other servers with TLS', async () => {
    const key = Buffer.from('0123456789abcdef');
    const path = await numberedClip({ name: 'gateway-segment.mp4', frames: 50, options: ['-bf', '0'] });
    await promisify(execFile)('ffmpeg', ['-nostdin', '-loglevel', 'error', '-i', path, '-c', 'copy', '-f', 'hls', '-hls_time', '1', '-hls_list_size', '0', '-hls_segment_filename', join(folder(), 'part%d.ts'), join(folder(), 'own.m3u8')]);
    const parts = (await readdir(folder())).filter((name) => name.endsWith('.ts')).sort();
    expect(parts.length).toBeGreaterThan(1);
    const crypted = new Map<string, Buffer>(await Promise.all(parts.map(async (name, index) => {
      const iv = Buffer.alloc(16);
      iv.writeUInt8(index, 15);
      const cipher = createCipheriv('aes-128-cbc', key, iv);
      return [`/${name}`, Buffer.concat([cipher.update(await readFile(join(folder(), name))), cipher.final()])] as const;
    })));
    const media = await web(({ target }) => page(target === '/key' ? key : (crypted.get(target) ?? '')), { host: '127.0.0.2', tls: true });
    const list = ['#EXTM3U', '#EXT-X-VERSION:3', '#EXT-X-TARGETDURATION:2', `#EXT-X-KEY:METHOD=AES-128,URI="https://${media.authority}/key"`, ...parts.flatMap((name) => ['#EXTINF:1,', `https://${media.authority}/${name}`]), '#EXT-X-ENDLIST'];
    const server = await web(() => page(list.join('\r\n'), { headers: { 'Content-Type': 'application/x-mpegurl' } }));
    const { source, frames } = await readAll(`http://${server.authority}/list.m3u8?a=b`, { access });
    expect(source.status).toMatchObject({ state: 'ended', error: null });
    expect(frames.map(({ display }) => display)).toEqual(upTo(50));
  });
});

function playlist(address: string, before = '', type = 'application/vnd.apple.mpegurl'): WebScript {
  return ({ target }) => (target.endsWith('.ts') ? page(Buffer.alloc(188)) : page(`#EXTM3U\n#EXT-X-TARGETDURATION:2\n${before}\n#EXTINF:2,\n${address}\n#EXT-X-ENDLIST\n`, { headers: { 'Content-Type': type } }));
}
