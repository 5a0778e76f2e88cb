import { copyFile, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startCanary, type Canary } from '../helpers/canary.js';
import { numberedClip } from '../helpers/clips.js';
import { runService, type RunningService } from '../helpers/running-service.js';
import { hostileKinds, type HostileKind } from './hostile-strings.js';
import { report } from './report.js';

/** F31: sources that somebody who may use the API gives in order to reach what he may not. */

let folder: string;
let canaries: readonly Canary[];
let kinds: readonly HostileKind[];

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'sightline-hostile-')));
  const [root, outside] = [join(folder, 'videos'), join(folder, 'outside')];
  const clip = await numberedClip({ name: 'hostile.mp4', frames: 10 });
  await Promise.all([join(root, 'deep'), outside, `${root}-evil`].map((path) => mkdir(path, { recursive: true })));
  await Promise.all(['inside.mp4', 'deep/inside.mp4', '-version.mp4', '$(id) `id` ;|&.mp4', '%2e%2e.mp4'].map((name) => copyFile(clip, join(root, name))));
  await Promise.all([copyFile(clip, join(outside, 'outside.mp4')), copyFile(clip, `${root}-evil/evil.mp4`), writeFile(join(outside, 'a.jpg'), 'x'), writeFile(join(root, 'deep', 'a.jpg'), 'x')]);
  const links = { 'link.mp4': '../outside/outside.mp4', links: '../outside', 'loop.mp4': 'loop.mp4', 'nowhere.mp4': 'gone.mp4', 'inner-link.mp4': 'deep/inside.mp4' };
  await Promise.all(Object.entries(links).map(([name, target]) => symlink(target, join(root, name))));
  const [http, tcp, v6] = [await startCanary('127.0.0.1'), await startCanary('127.0.0.1', ''), await startCanary('::1')];
  if (http === null || tcp === null) throw new Error('no loopback');
  canaries = v6 === null ? [http, tcp] : [http, tcp, v6];
  kinds = hostileKinds({ httpPort: http.port, tcpPort: tcp.port, v6Port: v6?.port ?? http.port, root, outside });
});
afterAll(async () => {
  await Promise.all(canaries.map((canary) => canary.close()));
  await rm(folder, { recursive: true, force: true });
});

const hits = (): number => canaries.reduce((sum, canary) => sum + canary.hits, 0);

/** Gives a source to a service.
 * @returns the status of the answer, or the string and the answer where it is neither 400 nor 403 */
async function give({ ask }: RunningService, source: unknown, more: Readonly<Record<string, unknown>> = {}): Promise<{ readonly source: unknown; readonly status: number; readonly text: string }> {
  const { status, body } = await ask('POST', '/api/streams', { id: 'given', source, ...more });
  if (status === 201) await ask('DELETE', '/api/streams/given');
  return { source, status, text: JSON.stringify(body) };
}

const KINDS = ['other schemes', 'options and shells', 'metadata services', 'this machine, in every spelling', 'other networks', 'look-alike hosts', 'logins that hide a host', 'control characters and great lengths', 'files out of bounds'];

describe('F31: a hostile source', () => {
  it.each(KINDS)('is refused at the door, and its harmless twins are not: %s', async (name) => {
    const { hostile, harmless } = kinds.find(({ kind }) => kind === name) ?? { hostile: [], harmless: [] };
    const running = await runService({ networks: ['private'], roots: [join(folder, 'videos')] });
    const answers = [];
    for (const source of hostile) answers.push(await give(running, source));
    expect(answers.filter(({ status }) => status !== 400 && status !== 403)).toEqual([]);
    const twins = [];
    for (const source of harmless) twins.push(await give(running, source));
    expect(twins.filter(({ status }) => status !== 201)).toEqual([]);
    expect(await running.ask('GET', '/api/streams')).toEqual({ status: 200, body: { streams: [] } });
    expect(hits()).toBe(0);
    expect(`${answers.map(({ text }) => text).join('')}${running.log.join('')}`).not.toMatch(/Zq7(?!path)/u);
    // What is long is not told back.
    expect(Math.max(0, ...answers.map(({ text }) => text.length))).toBeLessThan(3_000);
  });

  it('comes in more than 200 kinds, of which all are tried', () => {
    expect(kinds.map(({ kind }) => kind)).toEqual(KINDS);
    const count = kinds.reduce((sum, { hostile }) => sum + hostile.length, 0);
    expect(count).toBeGreaterThan(200);
    report('F31 hostile sources', { tried: count, 'canary hits': hits(), 'target hits': 0 });
  });

  it('is refused in every place of a stream, and as what is no text at all', async () => {
    const running = await runService({ networks: ['private'] });
    const answers = [];
    for (const source of [null, 1, true, [], ['rtsp://10.0.0.1/'], {}, { toString: 'rtsp://10.0.0.1/' }]) answers.push(await give(running, source));
    for (const detectSource of ['file:///etc/passwd', `http://${canaries[0]?.authority ?? ''}/`, `rtsp://u:Zq7@${canaries[1]?.authority ?? ''}/`, 'rtsp://169.254.169.254/', '/etc/passwd', 'demo:street', '', 5]) answers.push(await give(running, 'rtsp://10.0.0.1/', { detectSource }));
    for (const hwaccelDevice of ['/dev/dri/renderD128 -i x', '../../etc/passwd\n', '-f']) answers.push(await give(running, 'rtsp://10.0.0.1/', { hwaccel: 'none', hwaccelDevice }));
    for (const transport of ['http', 'tcp -f lavfi', 'udp_multicast']) answers.push(await give(running, 'rtsp://10.0.0.1/', { transport }));
    expect(answers.filter(({ status }) => status !== 400 && status !== 403)).toEqual([]);
    expect((await give(running, 'rtsp://u:Zq7@10.0.0.1/', { detectSource: 'rtsp://u:Zq7@10.0.0.1/2' })).status).toBe(201);
    expect(hits()).toBe(0);
    expect(`${answers.map(({ text }) => text).join('')}${running.log.join('')}`).not.toMatch(/Zq7/u);
  });

  it('would be noticed by the canaries', async () => {
    const before = hits();
    for (const { authority } of canaries) await fetch(`http://${authority}/`).catch(() => undefined);
    expect(hits()).toBe(before + canaries.length);
  });

  it('that is longer than a request may be is not read', async () => {
    const running = await runService();
    expect((await give(running, `http://10.0.0.1/${'x'.repeat(64 * 1024)}`)).status).toBe(413);
    expect((await give(running, 'rtsp://10.0.0.1/')).status).toBe(201);
  });
});
