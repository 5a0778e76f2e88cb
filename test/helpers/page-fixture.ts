import type { BrowserContextOptions, Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import type { ViewerServer } from '../../src/viewers/viewer-server.js';
import { launchBrowser, openPage, type WatchedPage } from './browser.js';
import { FakeDirectory } from './fake-directory.js';
import { buildPage, serveViewers, type BuiltPage } from './viewer-page.js';

/** The page as tests use it: built once a file, served anew for every test from scripted streams, in a browser of the file's own. */
export type PageFixture = {
  readonly directory: FakeDirectory;
  readonly folder: string;
  readonly server: ViewerServer;
  /** Opens a browser page in a context of its own, closed after the test; its address is still blank. */
  open(options?: BrowserContextOptions): Promise<WatchedPage>;
  /** Stops the service, as when its process ends; streams stay. */
  stopServing(): Promise<void>;
  /** Serves again on the port it had. */
  serveAgain(): Promise<void>;
};

/** Registers what makes a test's fixture and clears it away.
 * @returns the fixture; its members are those of the running test
 */
export function usePage(): PageFixture {
  let built: BuiltPage;
  let browser: Browser;
  let directory: FakeDirectory;
  let server: ViewerServer;
  let opened: WatchedPage[] = [];
  beforeAll(async () => {
    [built, browser] = await Promise.all([buildPage(), launchBrowser()]);
  });
  afterAll(async () => {
    await browser.close();
    await built.remove();
  });
  beforeEach(async () => {
    directory = new FakeDirectory();
    server = await serveViewers(directory, built.folder);
  });
  afterEach(async () => {
    await Promise.all(opened.map(({ page }) => page.context().close()));
    opened = [];
    await server.close();
    directory.close();
  });
  return {
    get directory() {
      return directory;
    },
    get folder() {
      return built.folder;
    },
    get server() {
      return server;
    },
    open: async (options) => {
      const watched = await openPage(browser, options);
      opened.push(watched);
      return watched;
    },
    stopServing: () => server.close(),
    serveAgain: async () => {
      server = await serveViewers(directory, built.folder, server.port);
    },
  };
}
