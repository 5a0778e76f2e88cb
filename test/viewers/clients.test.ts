import { execFile, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { PACKAGE_ROOT } from '../../src/core/package-paths.js';
import { until } from '../helpers/until.js';
import { startServer } from './support/server.js';
import { tokenFor } from './support/tokens.js';

/** The one that Debian's packages are for, whichever stands first in PATH. */
const PYTHON = existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3';

const CLIENTS = [
  { name: 'viewer.mjs', program: process.execPath, missing: null },
  { name: 'viewer.py', program: PYTHON, missing: whatPythonLacks() },
] as const;

type ClientEnd = { readonly exitCode: number | null; readonly stdout: string; readonly stderr: string };
type RunningClient = { readonly folder: string; readonly ended: Promise<ClientEnd>; readonly stdout: () => string };

for (const { name, program, missing } of CLIENTS) {
  const run = (...args: readonly string[]): RunningClient => startClient(program, name, args);

  describe.skipIf(missing !== null)(`docs/clients/${name}${missing === null ? '' : ` (skipped: ${missing})`}`, () => {
    test('fits on a page', () => {
      expect(readFileSync(clientPath(name), 'utf8').trimEnd().split('\n').length).toBeLessThanOrEqual(30);
    });

    test('prints a line a frame, keeps the newest picture and leaves after as many as asked', async () => {
      const server = await startServer();
      server.directory.play('door', 50);
      const client = run(server.base, 'door', '--frames', '5');
      const { exitCode, stdout, stderr } = await client.ended;
      expect({ exitCode, stderr: stderr.replace('closed: 1000 enough\n', '') }).toEqual({ exitCode: 0, stderr: '' });
      const lines = stdout.trim().split('\n');
      expect(lines).toHaveLength(5);
      for (const line of lines) expect(line).toMatch(/^\d+ -?\d+ ms person$/u);
      const seqs = lines.map((line) => Number.parseInt(line, 10));
      expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b));
      expect(isJpeg(readFileSync(join(client.folder, 'door.jpg')))).toBe(true);
      await until(() => server.directory.watchers('door') === 0, { what: 'the client to be gone' });
    });

    test('acknowledges, and tells that the service closed', async () => {
      const server = await startServer();
      const client = run(server.base, 'door');
      await until(() => server.directory.watchers('door') === 1, { what: 'the client to subscribe' });
      server.directory.play('door', 50);
      // It said from the start that it acknowledges: with two frames at most on their way it goes on only if each is.
      await until(() => lineCount(client) >= 4, { what: 'four lines' });
      await server.close();
      expect((await client.ended).stderr).toContain('1001');
    });

    test('shows its token, and is told when it no longer counts', async () => {
      const server = await startServer({ tokens: [tokenFor('lobby', { streams: ['door'] })] });
      server.directory.play('door', 50);
      const client = run(server.base, 'door', 'lobby-token');
      await until(() => lineCount(client) >= 1, { what: 'a line' });
      server.setTokens([tokenFor('other')]);
      const { exitCode, stderr } = await client.ended;
      expect(exitCode).toBe(1);
      expect(stderr).toContain('4401');
    });

    test.each<{ title: string; stream: string; args: readonly string[]; says: string }>([
      { title: 'no token', stream: 'door', args: [], says: '401' },
      { title: 'a wrong token', stream: 'door', args: ['nonsense'], says: '401' },
      { title: 'a stream that the token does not cover', stream: 'yard', args: ['lobby-token'], says: 'Your token does not cover this stream' },
      { title: 'a stream that does not exist', stream: 'attic', args: ['all-token'], says: 'There is no such stream' },
    ])('says what is wrong: $title', async ({ stream, args, says }) => {
      const server = await startServer({ tokens: [tokenFor('lobby', { streams: ['door'] }), tokenFor('all')] });
      const { exitCode, stdout, stderr } = await run(server.base, stream, ...args).ended;
      expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
      expect(stderr).toContain(says);
    });

    test('says so when the stream goes', async () => {
      const server = await startServer();
      const client = run(server.base, 'door');
      await until(() => server.directory.watchers('door') === 1, { what: 'the client to subscribe' });
      server.directory.removeStream('door');
      const { exitCode, stderr } = await client.ended;
      expect(exitCode).toBe(1);
      expect(stderr).toContain('the stream is gone');
    });
  });
}

/** Runs a client in a folder of its own, where it leaves its picture. */
function startClient(program: string, name: string, args: readonly string[]): RunningClient {
  const folder = mkdtempSync(join(tmpdir(), 'sightline-client-'));
  let child: ReturnType<typeof execFile> | undefined;
  let written = '';
  const ended = new Promise<ClientEnd>((resolve) => {
    child = execFile(program, [clientPath(name), ...args], { cwd: folder, timeout: 20_000 }, (_error, stdout, stderr) => resolve({ exitCode: child?.exitCode ?? null, stdout, stderr }));
    child.stdout?.on('data', (chunk: string) => (written += chunk));
  });
  onTestFinished(async () => {
    child?.kill('SIGKILL');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  });
  return { folder, ended, stdout: () => written };
}

function clientPath(name: string): string {
  return join(PACKAGE_ROOT, 'docs/clients', name);
}

function lineCount(client: RunningClient): number {
  return client.stdout().split('\n').length - 1;
}

function isJpeg(bytes: Buffer): boolean {
  return bytes.readUInt16BE(0) === 0xffd8 && bytes.readUInt16BE(bytes.length - 2) === 0xffd9;
}

/** Why the Python client cannot run here; `null`: it can. */
function whatPythonLacks(): string | null {
  const { error, status } = spawnSync(PYTHON, ['-c', 'import websocket']);
  if (error !== undefined) return 'there is no python3';
  return status === 0 ? null : 'python3 has no package websocket-client (Debian: python3-websocket)';
}
