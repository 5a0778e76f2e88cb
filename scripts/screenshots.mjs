#!/usr/bin/env node
// npm run screenshots: takes the pictures of the page that docs/ shows, of a service that runs on drawn streams.
import { spawn } from 'node:child_process';
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from './lib/commands.mjs';
import { runMain } from './lib/problem.mjs';
import { setUp } from './lib/set-up.mjs';

/** @type {readonly { name: string, width: number, height: number, theme: 'dark' | 'light', hash: string, phone?: boolean, dialog?: boolean }[]} */
const SHOTS = [
  { name: 'grid-360', width: 360, height: 740, theme: 'dark', hash: '', phone: true },
  { name: 'large-360', width: 360, height: 740, theme: 'light', hash: '#/stream/street', phone: true },
  { name: 'replay-360', width: 360, height: 740, theme: 'dark', hash: '#/stream/recording', phone: true },
  { name: 'grid-1024', width: 1024, height: 768, theme: 'light', hash: '' },
  { name: 'large-1024', width: 1024, height: 768, theme: 'dark', hash: '#/stream/street' },
  { name: 'add-1024', width: 1024, height: 768, theme: 'light', hash: '', dialog: true },
  { name: 'grid-2560', width: 2560, height: 1440, theme: 'dark', hash: '' },
  { name: 'replay-2560', width: 2560, height: 1440, theme: 'light', hash: '#/stream/recording' },
];

/** A street for a camera, the same as a recording, a camera that nobody answers for, and one that is seldom looked at. */
const STREAMS = {
  street: 'name: Market street\nsource: demo:street\n',
  recording: 'name: Last night\nsource: demo:street\nmode: replay\nloop: true\n',
  gate: 'name: Gate\nsource: rtsp://127.0.0.1:9/stream1\n',
  corner: 'name: Corner, twice a second\nsource: demo:street\nfps: 2\n',
};

await runMain(async () => {
  await setUp({ test: true, steps: ['packages', 'modules', 'build', 'demo'] });
  const { chromium } = await import('playwright-core');
  const folder = await mkdtemp(join(tmpdir(), 'sightline-screenshots-'));
  const service = await start(folder);
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
  try {
    for (const { name, width, height, theme, hash, phone = false, dialog = false } of SHOTS) {
      const context = await browser.newContext({ viewport: { width, height }, colorScheme: theme, ...(phone && { hasTouch: true, isMobile: true, deviceScaleFactor: 2 }) });
      const page = await context.newPage();
      await page.goto(service.url + hash);
      // Boxes take a while on a plain processor: the list of what is found, or its count in a tile, says that they are there.
      await page.locator('.now-row, .count').nth(1).waitFor({ state: 'attached', timeout: 90_000 });
      if (dialog) {
        await page.keyboard.press('a');
        await page.locator('[name="source"]').fill('rtsp://192.168.1.20/stream1');
        await page.locator('[name="name"]').fill('Front door');
      }
      await page.waitForTimeout(1500);
      await page.screenshot({ path: join(ROOT, 'docs', 'screenshots', `${name}.jpg`), type: 'jpeg', quality: 82 });
      process.stdout.write(`docs/screenshots/${name}.jpg\n`);
      await context.close();
    }
  } finally {
    await browser.close();
    await service.stop();
    await rm(folder, { recursive: true, force: true });
  }
  return 0;
});

/** @param {string} folder */
async function start(folder) {
  await mkdir(join(ROOT, 'docs', 'screenshots'), { recursive: true });
  await mkdir(join(folder, 'streams'));
  for (const [id, text] of Object.entries(STREAMS)) await writeFile(join(folder, 'streams', `${id}.yaml`), text);
  const child = spawn(process.execPath, [join(ROOT, 'bin/sightline.js'), 'serve', '--port', '0', '--log-level', 'error'], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
  const url = await new Promise((resolve, reject) => {
    let told = '';
    child.stdout.on('data', (/** @type {Buffer} */ chunk) => {
      told += chunk.toString();
      const found = /https?:\/\/[^\s]+/.exec(told)?.[0];
      if (found !== undefined) resolve(found);
    });
    child.once('exit', (code) => { reject(new Error(`sightline serve ended with ${String(code)}`)); });
  });
  return {
    url: /** @type {string} */ (url),
    stop: () => new Promise((resolve) => {
      child.once('exit', resolve);
      child.kill('SIGTERM');
    }),
  };
}
