import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { npmEnvironment } from '../../scripts/lib/node-modules.mjs';
import { until } from '../helpers/until.js';
import { commandOf, descendantsOf, isReady, runs, startServing } from './processes.js';
import { execute, ROOT } from './sandbox.js';

type Packed = { readonly filename: string; readonly size: number; readonly files: readonly { readonly path: string; readonly size: number }[] };

describe('the packed package', () => {
  let folder: string;
  let packed: Packed;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sightline-pack-'));
    const { code, stdout, stderr } = await execute('npm', ['pack', '--json', '--silent', '--pack-destination', folder], ROOT, process.env);
    expect(code, stderr).toBe(0);
    const [first] = JSON.parse(stdout) as Packed[];
    if (first === undefined) throw new Error('npm pack made nothing');
    packed = first;
  }, 180_000);

  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  test('has what the service needs', () => {
    expect(packed.files.map(({ path }) => path)).toEqual(
      expect.arrayContaining(['package.json', 'README.md', 'LICENSE', 'NOTICE', 'bin/sightline.js', 'dist/index.js', 'dist/index.d.ts', 'dist/cli/main.js', 'dist/web/index.html', 'streams/demo.yaml']),
    );
  });

  test('has no sources, tests, maps, models or clips, and is small', () => {
    const unwanted = packed.files.filter(({ path }) => /^(src|test|bench|scripts|web)\/|\.map$|(?<!\.d)\.ts$|\.(mp4|bin|tgz)$|\.build-stamp$/.test(path));
    expect(unwanted).toEqual([]);
    expect(packed.size).toBeLessThan(5_000_000);
  });

  test.runIf(process.platform === 'linux')('serves the demo from an empty folder, and is gone after SIGTERM', { timeout: 300_000 }, async () => {
    const home = join(folder, 'installed');
    mkdirSync(home);
    const env = { ...npmEnvironment(), SIGHTLINE_CACHE_DIR: join(folder, 'cache') };
    const installed = await execute('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', join(folder, packed.filename)], home, env);
    expect(installed.code, installed.stderr).toBe(0);

    const serving = await startServing('npx', ['sightline', 'serve', '--port', '0'], { cwd: home, env, timeoutMs: 60_000 });
    try {
      const page = await fetch(serving.url);
      expect(page.status).toBe(200);
      expect(await page.text()).toContain('<html');
      await until(() => isReady(serving.url), { timeoutMs: 60_000 });
      const { streams } = (await (await fetch(`${serving.url}/api/streams`)).json()) as { streams: { id: string; counters: { shown: number } }[] };
      expect(streams.map(({ id }) => id)).toEqual(['demo']);
      const snapshot = async (): Promise<Response> => fetch(`${serving.url}/api/streams/demo/snapshot.jpg`);
      await until(async () => (await snapshot()).status === 200, { timeoutMs: 60_000 });
      const jpeg = Buffer.from(await (await snapshot()).arrayBuffer());
      expect([...jpeg.subarray(0, 3)]).toEqual([0xff, 0xd8, 0xff]);

      const pids = descendantsOf(serving.child.pid ?? 0);
      // npx hands signals to the shell between, which keeps them to itself; the service is told directly.
      const service = pids.filter((pid) => /^\S*node\S* \S*\/sightline serve/.test(commandOf(pid)));
      expect(service).toHaveLength(1);
      for (const pid of service) process.kill(pid, 'SIGTERM');
      expect(await serving.ended, serving.output()).toBe(0);
      await until(() => !pids.some(runs), { timeoutMs: 5000 });
    } finally {
      for (const pid of descendantsOf(serving.child.pid ?? 0)) process.kill(pid, 'SIGKILL');
    }
  });
});
