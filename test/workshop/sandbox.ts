import { execFile } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout under test. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export type Outcome = { readonly code: number; readonly stdout: string; readonly stderr: string };

/** A folder with a copy of `scripts/`, and a PATH of its own in which nothing exists but what a test puts there. */
export type Sandbox = {
  readonly root: string;
  /** Puts an executable into the sandbox's PATH. It can write to `$CALLS`, and keep state in files under `$STATE`. */
  readonly standIn: (name: string, script: string) => void;
  readonly write: (path: string, text: string) => void;
  /** Runs a script of the sandbox's copy to its end. */
  readonly run: (script: string, args?: readonly string[], env?: Readonly<Record<string, string>>) => Promise<Outcome>;
  /** What stand-ins wrote to `$CALLS`, a line each. */
  readonly calls: () => readonly string[];
  readonly close: () => void;
};

/** Makes an empty sandbox; whoever makes it closes it. */
export function makeSandbox(): Sandbox {
  const root = mkdtempSync(join(tmpdir(), 'sightline-workshop-'));
  const bin = join(root, '.path');
  const callsFile = join(root, '.calls');
  for (const folder of [bin, join(root, '.state')]) mkdirSync(folder);
  writeFileSync(callsFile, '');
  cpSync(join(ROOT, 'scripts'), join(root, 'scripts'), { recursive: true });
  // What the stand-ins themselves are written with.
  for (const program of ['sh', 'env', 'true', 'cat', 'mkdir', 'touch', 'chmod', 'grep', 'dirname', 'rm', 'cp']) symlinkSync(`/usr/bin/${program}`, join(bin, program));
  return {
    root,
    standIn: (name, script) => {
      writeExecutable(join(bin, name), `#!/bin/sh\n${script}\n`);
    },
    write: (path, text) => {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeExecutable(join(root, path), text);
    },
    run: (script, args = [], env = {}) => execute(process.execPath, [join(root, script), ...args], root, { PATH: bin, HOME: root, CALLS: callsFile, STATE: join(root, '.state'), BIN: bin, ...env }),
    calls: () => readFileSync(callsFile, 'utf8').split('\n').filter((line) => line !== ''),
    close: () => {
      rmSync(root, { recursive: true, force: true });
    },
  };
}

/** Runs a program to its end, without a terminal.
 * @param env the whole environment of the program */
export function execute(program: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = execFile(program, [...args], { cwd, env, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : 1, stdout, stderr });
    });
    child.stdin?.end();
  });
}

function writeExecutable(path: string, text: string): void {
  writeFileSync(path, text);
  chmodSync(path, 0o755);
}
