import { copyFile, mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StreamStatus } from '../../src/core/stream-status.js';
import { startCanary, type Canary } from '../helpers/canary.js';
import { generated, numberedClip } from '../helpers/clips.js';
import { descendantsOf } from '../helpers/processes.js';
import { runService, type RunningService } from '../helpers/running-service.js';
import { peaceful, ScriptedCamera, SDP } from '../helpers/scripted-camera.js';
import { file, page, redirect, ScriptedWeb, type WebScript } from '../helpers/scripted-web.js';
import { until } from '../helpers/until.js';
import { report } from './report.js';

/** F31, second half: sources that may be looked at and then lead elsewhere. Sources may be on 127.0.0.2; the canaries sit on 127.0.0.1 and ::1. */

const NETWORKS = ['127.0.0.2/32'];
const TOGETHER = 8;

let root: string;
let canaries: readonly Canary[];
let web: ScriptedWeb;
let camera: ScriptedCamera;
const pages = new Map<string, WebScript>();

beforeAll(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'sightline-hostile-')));
  const found = await Promise.all([startCanary('127.0.0.1'), startCanary('127.0.0.1', ''), startCanary('::1')]);
  canaries = found.filter((canary) => canary !== null);
  web = await ScriptedWeb.start((request, socket) => pages.get(request.target)?.(request, socket) ?? page('', { status: '404 Not Found' }), { host: '127.0.0.2' });
  camera = await ScriptedCamera.start(peaceful(), { host: '127.0.0.2' });
});
afterAll(async () => {
  await Promise.all([...canaries, web, camera].map((each) => each.close()));
  await rm(root, { recursive: true, force: true });
});

const hits = (): number => canaries.reduce((sum, canary) => sum + canary.hits, 0);
const httpTrap = (): string => canaries[0]?.authority ?? '';
const url = (name: string): string => `http://u:Zq7@${web.authority}/${name}`;

/** What became of a source that was accepted: its first error, or `null` when it plays. */
async function outcomeOf({ ask, statusOf }: RunningService, id: string, source: string): Promise<{ readonly id: string; readonly error: StreamStatus['error'] }> {
  const { status, body } = await ask('POST', '/api/streams', { id, source, timeoutMs: 3_000 });
  if (status !== 201) return { id, error: (body as { error: StreamStatus['error'] }).error };
  const settled = await until(async () => {
    const now = await statusOf(id);
    return now.error !== null || ['running', 'paused', 'ended'].includes(now.state) ? now : null;
  }, { timeoutMs: 30_000, what: `an end of ${id}` });
  await ask('DELETE', `/api/streams/${id}`);
  return { id, error: settled.error };
}

async function outcomes(running: RunningService, sources: readonly (readonly [string, string])[]): Promise<readonly { readonly id: string; readonly error: StreamStatus['error'] }[]> {
  const all = [];
  for (let at = 0; at < sources.length; at += TOGETHER) all.push(...(await Promise.all(sources.slice(at, at + TOGETHER).map(([id, source]) => outcomeOf(running, id, source)))));
  return all;
}

/** Serves pages by their names and looks at each as a source. */
async function tryPages(scripts: Readonly<Record<string, WebScript>>): Promise<Readonly<Record<string, StreamStatus['error']>>> {
  const running = await runService({ networks: NETWORKS });
  for (const [name, script] of Object.entries(scripts)) pages.set(`/${name}`, script);
  const all = await outcomes(running, Object.keys(scripts).map((name, index) => [`page${String(index)}`, url(name)]));
  expect(running.log.join('')).not.toMatch(/Zq7/u);
  expect(JSON.stringify(all)).not.toMatch(/Zq7/u);
  return Object.fromEntries(Object.keys(scripts).map((name, index) => [name, all[index]?.error ?? null]));
}

const playlist = (lines: readonly string[], type = 'application/vnd.apple.mpegurl'): WebScript => () => page(['#EXTM3U', '#EXT-X-TARGETDURATION:2', ...lines, '#EXT-X-ENDLIST', ''].join('\n'), { headers: { 'Content-Type': type } });
const segment = (address: string): string[] => ['#EXTINF:2,', address];

describe('F31: a server that may be reached', () => {
  it('leads nobody elsewhere by redirects', async () => {
    const trap = httpTrap();
    const port = trap.split(':')[1] ?? '';
    const places = [`http://${trap}/`, `https://${trap}/`, `//${trap}/`, `http://2130706433:${port}/`, `http://0x7f.1:${port}/`, `http://[::ffff:127.0.0.1]:${port}/`, `http://localhost:${port}/`, `http://127.0.0.2@${trap}/`, `http://${canaries[2]?.authority ?? '[::1]:1'}/`, 'http://169.254.169.254/latest/', 'http://10.0.0.1/', 'file:///etc/passwd', `tcp://${trap}`, `httpproxy://${trap}/`, `rtsp://${trap}/`, 'data:video/mp4;base64,AA', 'concat:/etc/passwd|/etc/hosts', 'ftp://127.0.0.2/'];
    const scripts: Record<string, WebScript> = Object.fromEntries([...[301, 302, 303, 307, 308].map((status): [string, WebScript] => [`by-${String(status)}.mp4`, () => redirect(`http://${trap}/`, `${String(status)} Elsewhere`)]), ...places.map((place, index): [string, WebScript] => [`to-${String(index)}.mp4`, () => redirect(place)])]);
    for (const [name, next] of [['chain-1', '/chain-2'], ['chain-2', `http://${web.authority}/chain-3`], ['chain-3', 'chain-4'], ['chain-4', `http://${trap}/`]] as const) scripts[name] = () => redirect(next);
    scripts['loop'] = () => redirect('/loop');
    scripts['refresh'] = () => page('<meta http-equiv="refresh" content="0;url=/">', { headers: { Refresh: `0; url=http://${trap}/`, Link: `<http://${trap}/>; rel=preload`, 'Content-Location': `http://${trap}/` } });
    const errors = await tryPages(scripts);
    expect(Object.entries(errors).filter(([, error]) => error === null)).toEqual([]);
    const refused = Object.entries(errors).filter(([, error]) => error?.code === 'source-not-allowed').map(([name]) => name);
    expect(refused).toEqual(expect.arrayContaining([...Object.keys(scripts).filter((name) => /^(?:by|chain)-/u.test(name)), 'to-0.mp4', 'to-1.mp4', 'to-8.mp4', 'to-9.mp4', 'to-11.mp4', 'to-13.mp4']));
    expect(hits()).toBe(0);
    report('F31 redirects', { tried: Object.keys(scripts).length, 'canary hits': hits() });
  });

  it('leads nobody elsewhere by playlists, whatever they are called', async () => {
    const trap = httpTrap();
    const places = [`http://${trap}/a.ts`, `https://${trap}/a.ts`, `//${trap}/a.ts`, `httpproxy://${trap}/a.ts`, `HTTPPROXY://${trap}/a.ts`, `crypto+httpproxy://${trap}/a.ts`, `crypto+http://${trap}/a.ts`, `tcp://${trap}`, `tls://${trap}/a.ts`, 'file:///etc/passwd', 'file:/etc/passwd.ts', '/etc/passwd', 'concat:a.ts|b.ts', 'subfile,,start,0,end,9,,:/etc/passwd', 'data:video/mp2t;base64,AA', 'http://169.254.169.254/a.ts', `rtsp://${trap}/a.ts`, `udp://${trap}`];
    const scripts: Record<string, WebScript> = Object.fromEntries(places.map((place, index): [string, WebScript] => [`list-${String(index)}.m3u8`, playlist(segment(place))]));
    scripts['key.m3u8'] = playlist([`#EXT-X-KEY:METHOD=AES-128,URI="http://${trap}/key"`, ...segment('list-0.m3u8')]);
    scripts['proxy-key.m3u8'] = playlist([`#EXT-X-KEY:METHOD=AES-128,URI="httpproxy://${trap}/key"`, ...segment('list-0.m3u8')]);
    scripts['map.m3u8'] = playlist([`#EXT-X-MAP:URI="http://${trap}/init.mp4"`, ...segment('list-0.m3u8')]);
    scripts['master.m3u8'] = playlist(['#EXT-X-STREAM-INF:BANDWIDTH=1', 'list-0.m3u8']);
    scripts['master-out.m3u8'] = playlist(['#EXT-X-STREAM-INF:BANDWIDTH=1', `http://${trap}/list.m3u8`]);
    scripts['media.m3u8'] = playlist([`#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="a",DEFAULT=YES,URI="httpproxy://${trap}/a.m3u8"`, '#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="a"', 'list-0.m3u8']);
    scripts['as-video.mp4'] = playlist(segment(`httpproxy://${trap}/a.ts`), 'video/mp4');
    scripts['as-nothing'] = playlist(segment(`httpproxy://${trap}/a.ts`), 'application/octet-stream');
    scripts['in-pieces.m3u8'] = () => `HTTP/1.1 200 OK\r\nContent-Type: audio/mpegurl\r\nTransfer-Encoding: chunked\r\n\r\n${[...`#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nhttpproxy://${trap}/a.ts\n`].map((letter) => `1\r\n${letter}\r\n`).join('')}0\r\n\r\n`;
    scripts['radio.m3u8'] = () => page([...`#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nhttpproxy://${trap}/a.ts\n`].join('\0'), { headers: { 'Content-Type': 'audio/mpegurl', 'icy-metaint': '1' } });
    const texts = { 'list.ffconcat': `ffconcat version 1.0\nfile http://${trap}/a.mp4\n`, 'list.sdp': SDP.replace('0.0.0.0', '127.0.0.1'), 'list.mpd': `<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period><BaseURL>http://${trap}/</BaseURL></Period></MPD>`, 'list.asx': `<asx version="3.0"><entry><ref href="http://${trap}/"/></entry></asx>`, 'list.m3u': `http://${trap}/a.mp4\n`, 'list.ram': `rtsp://${trap}/`, 'list.svg': `<svg xmlns="http://www.w3.org/2000/svg"><image href="http://${trap}/"/></svg>` };
    for (const [name, text] of Object.entries(texts)) scripts[name] = () => page(text);
    const errors = await tryPages(scripts);
    expect(Object.entries(errors).filter(([, error]) => error === null)).toEqual([]);
    const refused = Object.entries(errors).filter(([, error]) => error?.code === 'source-not-allowed').map(([name]) => name);
    expect(refused).toEqual(expect.arrayContaining(['list-0.m3u8', 'list-1.m3u8', 'list-3.m3u8', 'list-9.m3u8', 'list-15.m3u8', 'key.m3u8', 'proxy-key.m3u8', 'map.m3u8', 'master.m3u8', 'master-out.m3u8', 'media.m3u8', 'in-pieces.m3u8']));
    expect(hits()).toBe(0);
    report('F31 playlists', { tried: Object.keys(scripts).length, 'canary hits': hits() });
  });

  it('leads nobody elsewhere as a camera', async () => {
    const trap = httpTrap();
    const running = await runService({ networks: NETWORKS });
    const scripts = [
      ...[`rtsp://${trap}/`, `rtsps://${trap}/`, `http://${trap}/`, 'rtsp://169.254.169.254/', `rtsp://127.0.0.2@${trap}/`, `rtsp://${camera.authority}/`].flatMap((place) => [peaceful({ OPTIONS: `302 Moved\r\nLocation: ${place}` }), peaceful({ DESCRIBE: `301 Moved\r\nLocation: ${place}` })]),
      peaceful({ DESCRIBE: `200 OK\r\nContent-Type: application/sdp\r\nContent-Base: rtsp://${trap}/\r\n\r\n${SDP.replace('trackID=1', `rtsp://${trap}/trackID=1`).replace('IP4 0.0.0.0', 'IP4 127.0.0.1')}`, SETUP: '461 Unsupported Transport' }),
      peaceful({ SETUP: `200 OK\r\nSession: 1\r\nTransport: RTP/AVP/UDP;unicast;client_port=5000-5001;server_port=${trap.split(':')[1] ?? ''}-1;source=127.0.0.1`, PLAY: '404 Not Found' }),
      peaceful({ DESCRIBE: `200 OK\r\nContent-Type: application/sdp\r\n\r\n${SDP}a=control:http://${trap}/\r\n`, SETUP: '404 Not Found' }),
    ];
    for (const script of scripts) {
      camera.script = script;
      const { error } = await outcomeOf(running, 'camera', `rtsp://u:Zq7@${camera.authority}/1`);
      expect(error?.code).toMatch(/^source-(?:not-allowed|open|stalled|exited)$/u);
    }
    expect(hits()).toBe(0);
    expect(running.log.join('')).not.toMatch(/Zq7/u);
  });

  it('is watched where it stays where it may be', async () => {
    const film = await readFile(await numberedClip({ name: 'hostile-film.mp4', frames: 20, options: ['-movflags', '+faststart'] }));
    const part = await readFile(await generated('hostile-part.ts', ['-i', await numberedClip({ name: 'hostile-part.mp4', frames: 50, options: ['-bf', '0'] }), '-c', 'copy', '-f', 'mpegts']));
    const errors = await tryPages({
      'film.mp4': file(film), 'part.ts': file(part, 'video/mp2t'), 'moved.mp4': () => redirect(`http://0x7f.2:${String(web.port)}/film.mp4`), 'near.mp4': () => redirect('film.mp4', '308 Permanent Redirect'),
      'good.m3u8': playlist(segment('part.ts')), 'absolute.m3u8': playlist(segment(`http://${web.authority}/part.ts`)), 'master-good.m3u8': playlist(['#EXT-X-STREAM-INF:BANDWIDTH=1', '/good.m3u8']),
    });
    expect(Object.entries(errors).filter(([, error]) => error !== null)).toEqual([]);
  });
});

describe('F31: a file that may be opened', () => {
  it('leads nobody elsewhere, whatever it is called', async () => {
    const trap = httpTrap();
    const [videos, outside] = [join(root, 'videos'), join(root, 'outside')];
    await Promise.all([mkdir(join(videos, 'shots'), { recursive: true }), mkdir(outside)]);
    const clip = await numberedClip({ name: 'hostile.mp4', frames: 10 });
    await copyFile(clip, join(outside, 'outside.mp4'));
    await generated('hostile.jpg', ['-f', 'lavfi', '-i', 'color=red:s=64x64', '-frames:v', '1']).then((path) => copyFile(path, join(outside, 'outside.jpg')));
    await symlink(join(outside, 'outside.jpg'), join(videos, 'shots', 'a.jpg'));
    const list = (address: string): string => `#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n${address}\n#EXT-X-ENDLIST\n`;
    const texts: Record<string, string> = {
      'list.mp4': list(`http://${trap}/a.ts`), 'list-proxy.mp4': list(`httpproxy://${trap}/a.ts`), 'list-file.mp4': list(`file://${outside}/outside.mp4`), 'list-near.mp4': list('../outside/outside.mp4'), 'list.m3u8': list(`http://${trap}/a.ts`), 'list.ts': list('tcp://x'),
      'concat.mp4': `ffconcat version 1.0\nfile http://${trap}/a.mp4\n`, 'concat-near.mp4': 'ffconcat version 1.0\nfile ../outside/outside.mp4\n', 'sdp.mp4': SDP, 'dash.mp4': `<MPD><BaseURL>http://${trap}/</BaseURL></MPD>`, 'page.mp4': `<html><img src="http://${trap}/">`, 'svg.mp4': `<svg xmlns="http://www.w3.org/2000/svg"><image href="http://${trap}/"/></svg>`, 'passwd.mp4': 'root:x:0:0:root:/root:/bin/bash\n', 'text.mp4': 'SECRET\n'.repeat(500),
    };
    await Promise.all(Object.entries(texts).map(([name, text]) => writeFile(join(videos, name), text)));
    const running = await runService({ networks: NETWORKS, roots: [videos] });
    const sources = [...Object.keys(texts).map((name) => join(videos, name)), `${videos}/shots/`, `${videos}/shots/*.jpg`, `${videos}/shots/a.jpg`];
    const all = await outcomes(running, sources.map((source, index) => [`file${String(index)}`, source]));
    expect(all.filter(({ error }) => error === null)).toEqual([]);
    expect(JSON.stringify(all)).not.toMatch(/SECRET|root:x/u);
    expect(hits()).toBe(0);
    await copyFile(clip, join(videos, 'good.mp4'));
    await copyFile(join(outside, 'outside.jpg'), join(videos, 'shots', 'b.jpg'));
    expect(await outcomes(running, [['good', join(videos, 'good.mp4')], ['image', join(videos, 'shots', 'b.jpg')]])).toEqual([{ id: 'good', error: null }, { id: 'image', error: null }]);
    // What was checked may be another thing when it is opened.
    await rm(join(videos, 'good.mp4'));
    await symlink(join(outside, 'outside.mp4'), join(videos, 'good.mp4'));
    expect((await outcomeOf(running, 'swapped', join(videos, 'good.mp4'))).error?.code).toBe('source-not-allowed');
  });
});

describe('F31: whatever was tried', () => {
  it('leaves no program behind', async () => {
    await until(async () => (await descendantsOf(process.pid)).every(({ command }) => !/ffmpeg|ffprobe/u.test(command)));
    expect(hits()).toBe(0);
  });
});
