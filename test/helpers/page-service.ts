import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContextOptions } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { launchBrowser, openPage, type WatchedPage } from './browser.js';
import { Command } from './command.js';
import { FakeServing } from './fake-serving.js';
import { readNumbers } from './pipeline-rig.js';

export type PageService = {
  /** Folder that the service runs in, with an empty `streams` in it; new for every test. */
  readonly folder: string;
  /** Writes files into the folder, by name. */
  write(files: Readonly<Record<string, string>>): Promise<void>;
  /** A scripted backend that finds the number drawn on a picture, `host:port`. */
  readonly endpoint: string;
  /** Starts `sightline serve` there; ended after the test. */
  serve(...args: string[]): Promise<{ readonly command: Command; readonly url: string }>;
  /** Opens a browser page in a context of its own, closed after the test; its address is still blank. */
  open(options?: BrowserContextOptions): Promise<WatchedPage>;
};

/** Registers what a test needs that uses the page of a running service, and clears it away.
 * @returns the fixture; its members are those of the running test */
export function usePageService(): PageService {
  let browser: Browser;
  let serving: FakeServing;
  let folder = '';
  const closers: (() => Promise<unknown>)[] = [];
  beforeAll(async () => {
    [browser, serving] = await Promise.all([launchBrowser(), new FakeServing({ detections: readNumbers }).start()]);
  });
  afterAll(async () => {
    await browser.close();
    await serving.close();
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sightline-page-'));
    await mkdir(join(folder, 'streams'));
  });
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
    await rm(folder, { recursive: true, force: true });
  });
  return {
    get folder() {
      return folder;
    },
    get endpoint() {
      return serving.endpoint;
    },
    write: async (files) => {
      for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
    },
    serve: async (...args) => {
      const command = new Command(['serve', '--port', '0', ...args], { cwd: folder });
      closers.push(() => command.kill());
      return { command, url: await command.url() };
    },
    open: async (options) => {
      const watched = await openPage(browser, options);
      closers.push(() => watched.page.context().close());
      return watched;
    },
  };
}

/** A token's entry in `server.tokens`, in YAML.
 * @param others further keys, as they stand in the file */
export function tokenYaml(token: string, role: 'viewer' | 'operator', others = ''): string {
  return `    - { name: ${role}-${String(token.length)}, role: ${role}, sha256: ${createHash('sha256').update(token).digest('hex')}${others === '' ? '' : `, ${others}`} }\n`;
}
