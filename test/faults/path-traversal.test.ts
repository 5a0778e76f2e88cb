import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseStreamDefinition } from '../../src/config/stream-definition.js';
import type { ServerMessage } from '../../src/viewers/protocol.js';
import { until } from '../helpers/until.js';
import { TestViewer } from '../viewers/support/client.js';
import { rawGet, type RawResponse } from '../viewers/support/raw-http.js';
import { makeWebRoot, startServer } from '../viewers/support/server.js';
import { bearer, tokenFor } from '../viewers/support/tokens.js';
import { hostilePaths, hostileStreamNames } from './hostile-paths.js';
import { report } from './report.js';

/** F32: paths and names that lead elsewhere. The commonest have their own lines in test/viewers/http-routes.test.ts. */

const TOGETHER = 25;
/** A viewer is closed at the twentieth message that makes no sense. */
const NAMES_EACH = 19;

/** Asks for each path as it is written. */
async function askAll(port: number, paths: readonly string[], headers: Readonly<Record<string, string>> = {}): Promise<{ readonly path: string; readonly answer: RawResponse }[]> {
  const answers: { path: string; answer: RawResponse }[] = [];
  for (let at = 0; at < paths.length; at += TOGETHER) {
    answers.push(...(await Promise.all(paths.slice(at, at + TOGETHER).map(async (path) => ({ path, answer: await rawGet(port, path, { Host: `127.0.0.1:${String(port)}`, ...headers }) })))));
  }
  return answers;
}

/** A page with everything in its folder that must not be followed or opened, and one link that may. */
function hostileWebRoot(): string {
  const root = makeWebRoot();
  const assets = join(root, 'assets');
  symlinkSync('../../secret.txt', join(assets, 'outside.js'));
  symlinkSync('loop.js', join(assets, 'loop.js'));
  symlinkSync('plain.js', join(assets, 'inner-link.js'));
  execFileSync('mkfifo', [join(assets, 'pipe.js')]);
  writeFileSync(join(assets, '.hidden.js'), 'SECRET');
  mkdirSync(join(assets, '.git'));
  writeFileSync(join(assets, '.git', 'config'), 'SECRET');
  return root;
}

const tells = (body: Buffer): boolean => /SECRET|root:|PATH=|\xff\xd8\xff/u.test(body.toString('latin1'));

describe('hostile paths (F32)', () => {
  it('to files lead nowhere: not out of the page, not through links, not to what is hidden', async () => {
    const { port } = await startServer({ webRoot: hostileWebRoot() });
    const paths = hostilePaths();
    const answers = await askAll(port, paths);
    const served = answers.filter(({ answer }) => ![400, 404].includes(answer.status) || tells(answer.body) || /X-Made/iu.test(answer.head));
    report('F32 paths', { tried: paths.length, served: served.length, target: 0 });
    expect(paths.length).toBeGreaterThanOrEqual(200);
    expect(served.map(({ path, answer }) => `${String(answer.status)} ${path.slice(0, 100)}`)).toEqual([]);
  });

  it('have harmless twins that are served, where the page\'s folder is a link itself, too', async () => {
    const webRoot = hostileWebRoot();
    const link = join(dirname(webRoot), 'current');
    symlinkSync(webRoot, link);
    for (const root of [webRoot, link]) {
      const { port } = await startServer({ webRoot: root });
      const answers = await askAll(port, ['/', '/index.html', '/assets/plain.js', '/assets/inner-link.js', '/assets/index-BvG3x_9k.js', '/%61ssets/plain%2ejs']);
      expect(answers.map(({ answer }) => answer.status)).toEqual([200, 200, 200, 200, 200, 200]);
    }
  });

  it('as names of streams are none, whatever is asked of them, and reach no stream that the token does not cover', async () => {
    const { port, directory } = await startServer({ tokens: [tokenFor('boss', { role: 'operator' }), tokenFor('guest', { streams: ['door'] })] });
    directory.addStream('yard');
    directory.offer('yard');
    directory.offer('door');
    const names = hostileStreamNames();
    const served: string[] = [];
    for (const who of ['boss', 'guest']) {
      const paths = names.flatMap((name) => ['', '/snapshot.jpg', '/timeline'].map((rest) => `/api/streams/${name}${rest}`));
      // A name that the pattern knows is refused to the guest, like every other stream.
      for (const { path, answer } of await askAll(port, paths.slice(0, 1900), bearer(who))) {
        if (![400, 404, ...(who === 'guest' ? [403] : [])].includes(answer.status) || tells(answer.body) || /X-Made/iu.test(answer.head)) served.push(`${who}: ${String(answer.status)} ${path}`);
      }
    }
    report('F32 names in paths', { tried: names.length, served: served.length, target: 0 });
    expect(names.length).toBeGreaterThanOrEqual(200);
    expect(served).toEqual([]);
  });

  it('as names in messages are none either', async () => {
    const { port, directory } = await startServer();
    const names = hostileStreamNames().map(decoded);
    const errors: ServerMessage[] = [];
    for (let at = 0; at < names.length; at += NAMES_EACH) {
      const viewer = await TestViewer.connect(port);
      const some = names.slice(at, at + NAMES_EACH).filter((name) => name.length < 4000);
      for (const stream of some) viewer.send({ type: 'subscribe', stream });
      await until(() => viewer.messages.length === some.length, { what: 'an answer to each' });
      errors.push(...viewer.messages);
      viewer.ws.terminate();
    }
    expect(errors.filter((message) => message.type !== 'error' || message.code !== 'unknown-stream')).toEqual([]);
    expect(directory.watchers('door')).toBe(0);
  });

  it('as ids of new streams are refused, so that no file is ever named by one', () => {
    const ids = hostileStreamNames().map(decoded).filter((id) => !/^[\w-]{1,64}$/u.test(id));
    const taken = ids.filter((id) => parseStreamDefinition({ id, source: 'demo:street' }, { file: null, defaultId: null, baseDir: '/' }).stream !== null);
    expect(ids.length).toBeGreaterThanOrEqual(200);
    expect(taken).toEqual([]);
  });
});

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name; // its escapes are no text
  }
}
