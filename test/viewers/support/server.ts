import { mkdtempSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { createLogger } from '../../../src/telemetry/logger.js';
import { createMetrics, type Metrics } from '../../../src/telemetry/metrics.js';
import { startViewerServer, type ViewerServer, type ViewerServerOptions } from '../../../src/viewers/viewer-server.js';
import { FakeDirectory } from '../../helpers/fake-directory.js';

export type RunningServer = ViewerServer & { readonly directory: FakeDirectory; readonly metrics: Metrics; readonly base: string; readonly logLines: string[] };

/** Starts a server on a free port with a stream `door`; closed when the test ends. */
export async function startServer(overrides: Partial<ViewerServerOptions> = {}): Promise<RunningServer> {
  const directory = new FakeDirectory();
  directory.addStream('door');
  const metrics = createMetrics();
  const logLines: string[] = [];
  const log = createLogger({ level: 'debug', format: 'json', destination: { write: (line: string) => logLines.push(line) } as unknown as NodeJS.WritableStream });
  const server = await startViewerServer({
    host: '127.0.0.1',
    port: 0,
    directory,
    webRoot: join(tmpdir(), 'no-such-page'),
    metrics,
    readiness: () => ({ ready: true, message: 'detector 1' }),
    tokens: [],
    log,
    ...overrides,
  });
  onTestFinished(async () => {
    await server.close();
    directory.close();
  });
  return { ...server, directory, metrics, logLines, base: server.url.slice(0, -1) };
}

/** A built page with secrets around it: a sibling file, a link that leads out, a hidden file. */
export function makeWebRoot(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sightline-web-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const root = join(folder, 'web');
  mkdirSync(join(root, 'assets'), { recursive: true });
  mkdirSync(join(folder, 'web-secret'));
  const files = {
    'secret.txt': 'SECRET',
    'web-secret/secret.txt': 'SECRET',
    'web/index.html': '<!doctype html><title>Sightline</title>',
    'web/favicon.svg': '<svg xmlns="http://www.w3.org/2000/svg"/>',
    'web/.env': 'SECRET',
    'web/assets/index-BvG3x_9k.js': 'export const page = 1;\n'.repeat(200),
    'web/assets/index-BvG3x_9k.css': 'body{}',
    'web/assets/plain.js': '1',
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  symlinkSync(join(folder, 'secret.txt'), join(root, 'link.txt'));
  symlinkSync(join(folder, 'web-secret'), join(root, 'linked'));
  return root;
}
