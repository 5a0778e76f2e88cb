import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Problem, requireNode } from '../../scripts/lib/problem.mjs';
import { adviceWithoutApt } from '../../scripts/lib/system-packages.mjs';
import { until } from '../helpers/until.js';
import { runs } from './processes.js';
import { execute, makeSandbox, ROOT, type Sandbox } from './sandbox.js';

let sandbox: Sandbox;
beforeEach(() => {
  sandbox = makeSandbox();
});
afterEach(() => {
  sandbox.close();
});

/** A Debian in which `installed` is installed; apt-get installs what it is told to, ffmpeg and chromium as programs. */
function debian(options: { installed?: readonly string[]; uid: number }): void {
  sandbox.write('.state/installed', (options.installed ?? []).map((name) => `${name}\n`).join(''));
  sandbox.standIn('id', `echo ${String(options.uid)}`);
  sandbox.standIn('dpkg-query', `shift 3; for name; do if grep -qx "$name" "$STATE/installed"; then echo "$name installed"; else echo "no packages found matching $name" >&2; fi; done`);
  sandbox.standIn(
    'apt-get',
    `echo "apt-get $*" >> "$CALLS"
[ "$1" = install ] || exit 0
shift 3
for name; do
  echo "$name" >> "$STATE/installed"
  case "$name" in ffmpeg) programs="ffmpeg ffprobe";; chromium) programs=chromium;; *) programs="";; esac
  for program in $programs; do echo '#!/bin/sh' > "$BIN/$program"; chmod +x "$BIN/$program"; done
done`,
  );
}

describe('system packages', () => {
  const packages = ['--only', 'packages'];

  test('are installed by root with one update and one install', async () => {
    debian({ uid: 0 });
    expect(await sandbox.run('scripts/setup.mjs', packages)).toMatchObject({ code: 0, stdout: '' });
    expect(sandbox.calls()).toEqual(['apt-get update', 'apt-get install -y --no-install-recommends ffmpeg fonts-dejavu-core']);
  });

  test('are left alone, in silence, when nothing is missing', async () => {
    debian({ uid: 0 });
    await sandbox.run('scripts/setup.mjs', packages);
    const before = sandbox.calls();
    expect(await sandbox.run('scripts/setup.mjs', packages)).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(sandbox.calls()).toEqual(before);
  });

  test('for tests are a browser and an RTSP server more', async () => {
    debian({ uid: 0, installed: ['fonts-dejavu-core', 'python3-gi'] });
    await sandbox.run('scripts/setup.mjs', ['--test', ...packages]);
    expect(sandbox.calls()[1]).toMatch(/ ffmpeg chromium python3-websocket gir1\.2-gst-rtsp-server-1\.0 gstreamer1\.0-rtsp gstreamer1\.0-plugins-base gstreamer1\.0-plugins-good gstreamer1\.0-plugins-bad gstreamer1\.0-plugins-ugly$/);
  });

  test('are not asked for when the program is there from elsewhere', async () => {
    debian({ uid: 0, installed: ['fonts-dejavu-core'] });
    for (const program of ['ffmpeg', 'ffprobe']) sandbox.standIn(program, 'exit 0');
    expect(await sandbox.run('scripts/setup.mjs', packages)).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(sandbox.calls()).toEqual([]);
  });

  test('are installed through a sudo that asks for no password', async () => {
    debian({ uid: 1000 });
    sandbox.standIn('sudo', 'echo "sudo $*" >> "$CALLS"; shift; exec "$@"');
    expect((await sandbox.run('scripts/setup.mjs', packages)).code).toBe(0);
    expect(sandbox.calls()).toEqual([
      'sudo -n true',
      'sudo -n env DEBIAN_FRONTEND=noninteractive apt-get update',
      'apt-get update',
      'sudo -n env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ffmpeg fonts-dejavu-core',
      'apt-get install -y --no-install-recommends ffmpeg fonts-dejavu-core',
    ]);
  });

  test.each([
    { title: 'no sudo', sudo: null },
    { title: 'a sudo that wants a password and no terminal to ask for it', sudo: 'exit 1' },
  ])('that cannot be installed ($title) end with the exact command', async ({ sudo }) => {
    debian({ uid: 1000 });
    if (sudo !== null) sandbox.standIn('sudo', sudo);
    const outcome = await sandbox.run('scripts/setup.mjs', packages);
    expect(outcome).toEqual({
      code: 1,
      stdout: '',
      stderr: 'sightline: system packages are missing and this user may not install them; run: sudo apt-get update && sudo apt-get install -y --no-install-recommends ffmpeg fonts-dejavu-core\n',
    });
    expect(sandbox.calls()).toEqual([]);
  });

  test('that apt-get does not find end with what it said and the command', async () => {
    debian({ uid: 0 });
    sandbox.standIn('apt-get', '[ "$1" = update ] && exit 100; echo "E: Unable to locate package ffmpeg"; exit 100');
    const outcome = await sandbox.run('scripts/setup.mjs', packages);
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toContain('  E: Unable to locate package ffmpeg\n');
    expect(outcome.stderr).toContain('apt-get install -y --no-install-recommends ffmpeg fonts-dejavu-core` failed with 100');
    expect(outcome.stderr).not.toMatch(/\n\s+at /);
  });

  test('are named where there is no apt-get', async () => {
    expect(await sandbox.run('scripts/setup.mjs', packages)).toMatchObject({ code: 1, stderr: expect.stringMatching(/^sightline: .*: ffmpeg\n$/) as string });
    expect(adviceWithoutApt(['ffmpeg'], 'darwin')).toContain('brew install ffmpeg pkg-config cairo pango libpng jpeg giflib librsvg');
  });
});

describe('npm packages', () => {
  const modules = ['--only', 'modules'];
  const lock = (version: string): string => JSON.stringify({ packages: { '': {}, 'node_modules/canvas': { version }, 'node_modules/for-another-system': { version: '1.0.0', optional: true } } });
  const installed = (version: string): string => JSON.stringify({ packages: { 'node_modules/canvas': { version } } });

  /** An npm whose `ci` installs `version` of canvas, and whose `rebuild` compiles it once `needs` is installed. */
  function npm(version: string, needs: string | null): void {
    sandbox.standIn(
      'npm',
      `echo "npm $1 $2 nodedir=$npm_config_nodedir" >> "$CALLS"
case "$1" in
  ci) mkdir -p node_modules/canvas; echo '{"main":"index.js"}' > node_modules/canvas/package.json; echo 'exports.createCanvas = () => 1' > node_modules/canvas/index.js
      echo '${installed(version)}' > node_modules/.package-lock.json;;
  rebuild) ${needs === null ? ':' : `grep -qx ${needs} "$STATE/installed" || { echo "no cairo"; exit 1; }`}
      mkdir -p node_modules/canvas/build/Release; touch node_modules/canvas/build/Release/canvas.node;;
esac`,
    );
  }

  test('are installed as locked, then canvas, and neither a second time', async () => {
    sandbox.write('package-lock.json', lock('3.2.3'));
    npm('3.2.3', null);
    expect((await sandbox.run('scripts/setup.mjs', modules)).code).toBe(0);
    expect(sandbox.calls().map((call) => call.replace(/ nodedir=.*/, ''))).toEqual(['npm ci --ignore-scripts', 'npm rebuild canvas']);
    expect(await sandbox.run('scripts/setup.mjs', modules)).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(sandbox.calls()).toHaveLength(2);
  });

  test("point node-gyp at Node's own headers, so that nothing is downloaded", async () => {
    sandbox.write('package-lock.json', lock('3.2.3'));
    npm('3.2.3', null);
    await sandbox.run('scripts/setup.mjs', modules);
    const nodedir = /nodedir=(.*)/.exec(sandbox.calls()[1] ?? '')?.[1] ?? '';
    const headersThere = ['/usr', '/usr/local', join(process.execPath, '../..')].some((prefix) => existsSync(join(prefix, 'include/node/node_api.h')));
    expect(nodedir === '' ? false : existsSync(join(nodedir, 'include/node/node_api.h'))).toBe(headersThere);
  });

  test('are installed again when the lock file changed', async () => {
    sandbox.write('package-lock.json', lock('3.2.3'));
    npm('3.2.3', null);
    await sandbox.run('scripts/setup.mjs', modules);
    sandbox.write('package-lock.json', lock('3.2.4'));
    npm('3.2.4', null);
    await sandbox.run('scripts/setup.mjs', modules);
    expect(sandbox.calls().filter((call) => call.startsWith('npm ci'))).toHaveLength(2);
  });

  test('bring the libraries that canvas is compiled with only where it cannot be had without', async () => {
    debian({ uid: 0 });
    sandbox.write('package-lock.json', lock('3.2.3'));
    npm('3.2.3', 'libcairo2-dev');
    expect((await sandbox.run('scripts/setup.mjs', modules)).code).toBe(0);
    expect(sandbox.calls().map((call) => call.replace(/ nodedir=.*/, ''))).toEqual([
      'npm ci --ignore-scripts',
      'npm rebuild canvas',
      'apt-get update',
      expect.stringMatching(/^apt-get install -y --no-install-recommends build-essential pkg-config python3 libcairo2-dev libpango1\.0-dev libjpeg-dev libgif-dev librsvg2-dev( libnode-dev)?$/) as string,
      'npm rebuild canvas',
    ]);
  });

  test('end with what the compiler said when canvas does not compile', async () => {
    debian({ uid: 0 });
    sandbox.write('package-lock.json', lock('3.2.3'));
    npm('3.2.3', 'something-else');
    const outcome = await sandbox.run('scripts/setup.mjs', modules);
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toContain('  no cairo\nsightline: canvas could not be compiled');
  });

  test('end with one line when the registry does not answer', async () => {
    sandbox.write('package-lock.json', lock('3.2.3'));
    sandbox.standIn('npm', 'echo "npm error network"; exit 1');
    const outcome = await sandbox.run('scripts/setup.mjs', modules);
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toMatch(/ {2}npm error network\nsightline: `npm ci .*` failed with 1: is the npm registry reachable\?.*\n$/);
  });
});

describe('the build', () => {
  const build = ['--only', 'build'];

  beforeEach(() => {
    const compiler = (name: string): string => `import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
const out = process.argv[process.argv.indexOf('--outDir') + 1];
appendFileSync(process.env.CALLS, '${name}\\n');
const text = readFileSync('src/a.ts', 'utf8');
if (text.includes('broken')) { console.log('src/a.ts(1,1): error'); process.exit(2); }
mkdirSync(out, { recursive: true });
writeFileSync(out + '/${name}.js', text);`;
    sandbox.write('package.json', '{"type":"module"}');
    sandbox.write('node_modules/typescript/package.json', '{"type":"module"}');
    sandbox.write('node_modules/typescript/bin/tsc', compiler('tsc'));
    sandbox.write('node_modules/vite/bin/vite.js', compiler('vite'));
    sandbox.write('src/a.ts', 'one');
  });

  test('is made when a source changed, and not otherwise', async () => {
    expect(await sandbox.run('scripts/setup.mjs', build)).toMatchObject({ code: 0, stderr: 'building\n' });
    expect(await sandbox.run('scripts/build.mjs')).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(sandbox.calls().toSorted()).toEqual(['tsc', 'vite']);
    sandbox.write('src/a.ts', 'two');
    await sandbox.run('scripts/setup.mjs', build);
    expect(readFileSync(join(sandbox.root, 'dist/tsc.js'), 'utf8')).toBe('two');
    expect(readFileSync(join(sandbox.root, 'dist/web/vite.js'), 'utf8')).toBe('two');
  });

  test('leaves the last whole one when it fails', async () => {
    await sandbox.run('scripts/setup.mjs', build);
    sandbox.write('src/a.ts', 'broken');
    const outcome = await sandbox.run('scripts/setup.mjs', build);
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toContain('src/a.ts(1,1): error');
    expect(readFileSync(join(sandbox.root, 'dist/tsc.js'), 'utf8')).toBe('one');
    const left = await execute('ls', ['-A', sandbox.root], sandbox.root, process.env);
    expect(left.stdout).not.toContain('dist.');
  });

  test('drops what no source makes any more', async () => {
    await sandbox.run('scripts/setup.mjs', build);
    sandbox.write('dist/gone.js', '');
    sandbox.write('src/a.ts', 'two');
    await sandbox.run('scripts/setup.mjs', build);
    expect(existsSync(join(sandbox.root, 'dist/gone.js'))).toBe(false);
  });
});

describe('set-up as a whole', () => {
  test('is silent and takes under a second when nothing is missing', async () => {
    const runs: { outcome: Awaited<ReturnType<typeof execute>>; tookMs: number }[] = [];
    for (let run = 0; run < 3; run++) {
      const startedMs = performance.now();
      const outcome = await execute(process.execPath, ['scripts/setup.mjs', '--test'], ROOT, process.env);
      runs.push({ outcome, tookMs: performance.now() - startedMs });
    }
    for (const { outcome } of runs) expect(outcome).toEqual({ code: 0, stdout: '', stderr: '' });
    // Best of three: other tests run on the same cores.
    expect(Math.min(...runs.map(({ tookMs }) => tookMs))).toBeLessThan(1000);
  });

  test.each(['18.20.4', '20.18.3', '16.0.0'])('refuses Node %s with a sentence', (version) => {
    expect(() => {
      requireNode(version);
    }).toThrow(Problem);
    expect(() => {
      requireNode(version);
    }).toThrow(`needs Node 20.19 or newer, this is ${version}`);
  });

  test.each(['20.19.0', '20.20.2', '22.0.0', '24.1.0'])('takes Node %s', (version) => {
    expect(() => {
      requireNode(version);
    }).not.toThrow();
  });

  test('ends with its step when it is told to, and leaves no process behind', async () => {
    sandbox.write('package-lock.json', '{"packages":{}}');
    sandbox.standIn('npm', 'echo "$$" >> "$CALLS"; exec sleep 60');
    const child = spawn(process.execPath, [join(sandbox.root, 'scripts/setup.mjs'), '--only', 'modules'], { env: { PATH: `${join(sandbox.root, '.path')}:/usr/bin:/bin`, CALLS: join(sandbox.root, '.calls') }, stdio: 'ignore' });
    const ended = new Promise((resolve) => child.on('exit', resolve));
    const npm = Number(await until(() => sandbox.calls()[0]));
    child.kill('SIGTERM');
    expect(await ended).toBe(143);
    await until(() => !runs(npm), { timeoutMs: 5000 });
  });

  test.each([['--tset'], ['--only', 'everything']])('refuses the arguments %s %s', async (...args) => {
    expect(await sandbox.run('scripts/setup.mjs', args)).toMatchObject({ code: 1, stderr: expect.stringMatching(/^sightline: unknown .*\n$/) as string });
  });
});
