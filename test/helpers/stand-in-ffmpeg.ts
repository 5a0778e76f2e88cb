import { chmod, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Size } from '../../src/core/geometry.js';

/** One run of the stand-in. */
export type StandInRun = {
  /** Whole frames in every output, numbered from `from` on, one each `intervalMs` (default 40). */
  readonly frames?: number;
  readonly from?: number;
  readonly intervalMs?: number;
  /** From frame `onlyAfter` of the run on only these outputs are written. */
  readonly only?: readonly Output[];
  readonly onlyAfter?: number;
  /** Bytes of one more frame, by output. */
  readonly partial?: Partial<Record<Output, number>>;
  /** Lines that it writes first. */
  readonly stderr?: readonly string[];
  readonly then?: 'exit' | 'hang';
  readonly exitCode?: number;
};

export type Output = 'model' | 'display' | 'times';

export type StandInScript = {
  readonly displaySize: Size;
  readonly modelSize: Size;
  /** Of the source's time base; 512 for an MP4 of 25 frames a second. */
  readonly ticksPerFrame: number;
  /** Run by run; the last one stands for all that follow. */
  readonly runs: readonly StandInRun[];
};

/** What a run told of itself. */
export type StandInFacts = { readonly args: readonly string[]; readonly written: number; readonly slowestMs: number };

export type StandIn = {
  /** The program to name as `ffmpegPath`. */
  readonly path: string;
  /** Every run so far. */
  readonly runs: () => Promise<readonly StandInFacts[]>;
};

const PROGRAM = fileURLToPath(new URL('stand-in-ffmpeg.mjs', import.meta.url));

/** Makes a program that stands in for ffmpeg and keeps a record of its runs.
 * @param folder the program gets one of its own in it */
export async function standInFfmpeg(folder: string, script: StandInScript): Promise<StandIn> {
  const own = await mkdtemp(join(folder, 'stand-in-'));
  const log = join(own, 'runs.jsonl');
  await writeFile(join(own, 'script.json'), JSON.stringify(script));
  await writeFile(log, '');
  const path = await shellProgram(join(own, 'ffmpeg'), `exec '${process.execPath}' '${PROGRAM}' '${own}' "$@"`);
  const runs = async (): Promise<readonly StandInFacts[]> => {
    const found: StandInFacts[] = [];
    for (const line of (await readFile(log, 'utf8')).split('\n').filter((each) => each.endsWith('}'))) {
      const { run, ...facts } = JSON.parse(line) as { run: number } & Partial<StandInFacts>;
      found[run] = { args: [], written: 0, slowestMs: 0, ...found[run], ...facts };
    }
    return found;
  };
  return { path, runs };
}

/** Writes a shell script that can be run.
 * @returns its path */
export async function shellProgram(path: string, ...lines: readonly string[]): Promise<string> {
  await writeFile(path, `#!/bin/sh\n${lines.join('\n')}\n`);
  await chmod(path, 0o755);
  return path;
}
