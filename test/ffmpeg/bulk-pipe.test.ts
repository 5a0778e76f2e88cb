import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { BulkPipe } from '../../src/ffmpeg/bulk-pipe.js';
import { OwnedProcess } from '../../src/ffmpeg/owned-process.js';
import { until } from '../helpers/until.js';

const leftovers = async (): Promise<number> => (await readdir(tmpdir())).filter((name) => /^sightline-.{6}$/u.test(name)).length;

/** Starts a shell command that writes to descriptor 1. */
function run(pipe: BulkPipe, command: string): OwnedProcess {
  return new OwnedProcess({ program: 'sh', args: ['-c', command], outputs: [], bulk: new Map([[1, pipe]]), setpriv: false });
}

describe('BulkPipe', () => {
  it('carries every byte in order, and the process ends only when all is read', async () => {
    const pipe = await BulkPipe.open();
    let bytes = 0;
    let wrong = 0;
    pipe.onChunk = (chunk) => {
      // `yes 0123456` repeats eight bytes.
      for (let at = 0; at < chunk.length; at += 997) if (chunk[at] !== '0123456\n'.charCodeAt((bytes + at) % 8)) wrong += 1;
      bytes += chunk.length;
    };
    const exit = await run(pipe, 'yes 0123456 | head -c 50000000').done;
    expect(exit).toMatchObject({ exitCode: 0 });
    expect({ bytes, wrong }).toEqual({ bytes: 50_000_000, wrong: 0 });
  });

  it('holds the process back while it is paused', async () => {
    const pipe = await BulkPipe.open();
    let bytes = 0;
    pipe.onChunk = (chunk) => {
      if (bytes === 0) pipe.pause();
      bytes += chunk.length;
    };
    const child = run(pipe, 'head -c 20000000 /dev/zero');
    await until(() => bytes > 0);
    const whenPaused = bytes;
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(bytes).toBe(whenPaused);
    expect(child.alive).toBe(true);
    pipe.resume();
    await child.done;
    expect(bytes).toBe(20_000_000);
  });

  it('lets a process that is blocked in a write be closed', async () => {
    const pipe = await BulkPipe.open();
    pipe.onChunk = () => {
      pipe.pause();
    };
    const child = run(pipe, 'trap "" TERM; cat /dev/zero');
    await until(() => child.alive);
    const startMs = performance.now();
    await child.close();
    expect(performance.now() - startMs).toBeLessThan(1_500);
    await pipe.closed;
  });

  it('leaves no file behind and closes twice', async () => {
    const before = await leftovers();
    const pipe = await BulkPipe.open();
    expect(await leftovers()).toBe(before);
    pipe.destroy();
    pipe.destroy();
    await pipe.closed;
  });

  it('is closed with a program that cannot be started', async () => {
    const pipe = await BulkPipe.open();
    const child = new OwnedProcess({ program: 'no-such-program', args: [], outputs: [], bulk: new Map([[1, pipe]]), setpriv: false });
    expect((await child.done).startError?.message).toMatch(/not installed/u);
  });
});
