import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Command } from '../helpers/command.js';
import { FakeServing } from '../helpers/fake-serving.js';
import { tokenYaml } from '../helpers/page-service.js';
import { until } from '../helpers/until.js';
import { TestViewer } from '../viewers/support/client.js';

let folder: string;
const closers: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sightline-reload-'));
  await mkdir(join(folder, 'streams'));
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  await rm(folder, { recursive: true, force: true });
});

const bearer = (token: string): { headers: { Authorization: string } } => ({ headers: { Authorization: `Bearer ${token}` } });
const write = (...tokens: string[]): Promise<void> => writeFile(join(folder, 'sightline.yaml'), `server:\n  tokens:\n${tokens.join('')}`);

it('a reload takes up new tokens, ends what old ones opened, says what waits for a restart, and refuses what is wrong as a whole', async () => {
  const serving = await new FakeServing().start();
  closers.push(() => serving.close());
  const [boss, old, young] = ['the-token-of-the-boss', 'an-old-token', 'a-younger-token'];
  await write(tokenYaml(boss, 'operator'), tokenYaml(old, 'viewer'));
  const command = new Command(['serve', '--port', '0', '--backend', serving.endpoint, '--streams', 'streams'], { cwd: folder });
  closers.push(() => command.kill());
  const url = await command.url();
  const port = Number(new URL(url).port);
  const [stays, goes] = await Promise.all([boss, old].map((token) => TestViewer.connect(port, bearer(token))));
  const reload = async (): Promise<{ status: number; body: unknown }> => {
    const response = await fetch(`${url}/api/reload`, { method: 'POST', ...bearer(boss) });
    return { status: response.status, body: await response.json() };
  };

  // Wrong: nothing of it is taken up.
  await write(tokenYaml(boss, 'operator'), tokenYaml(young, 'viewer'), 'batching: { maxBatchSize: none }\n');
  expect(await reload()).toMatchObject({ status: 400, body: { error: { code: 'bad-config', problems: [{ path: 'sightline.yaml: batching.maxBatchSize' }] } } });
  expect((await fetch(`${url}/api/streams`, bearer(young))).status).toBe(401);
  expect(goes?.closeCode).toBeNull();

  await write(tokenYaml(boss, 'operator'), tokenYaml(young, 'viewer'), 'batching: { maxBatchSize: 3 }\n');
  expect(await reload()).toEqual({ status: 200, body: { added: [], changed: [], removed: [], restartNeeded: ['batching.maxBatchSize'] } });
  await until(() => goes?.closeCode === 4401);
  expect(stays?.closeCode).toBeNull();
  expect((await fetch(`${url}/api/streams`, bearer(old))).status).toBe(401);
  expect((await fetch(`${url}/api/streams`, bearer(young))).status).toBe(200);
  // Who may only look, and who may change one stream, may not reload.
  expect((await fetch(`${url}/api/reload`, { method: 'POST', ...bearer(young) })).status).toBe(403);
  const said = command.stdout + command.stderr;
  for (const token of [boss, old, young]) expect(said).not.toContain(token);
});
