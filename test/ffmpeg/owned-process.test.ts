import { execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { OwnedProcess, type OwnedProcessOptions } from '../../src/ffmpeg/owned-process.js';
import { runProgram } from '../../src/ffmpeg/run-program.js';
import { until } from '../helpers/until.js';

const setpriv = process.platform === 'linux';

function shell(script: string, options: Partial<OwnedProcessOptions> = {}): OwnedProcess {
  return new OwnedProcess({ program: 'sh', args: ['-c', script], outputs: [], setpriv, ...options });
}

/** Whether a process runs; one that is dead and not waited for yet does not. */
function runs(pid: number): boolean {
  try {
    return !/^State:\s+Z/mu.test(readFileSync(`/proc/${String(pid)}/status`, 'utf8'));
  } catch {
    return false; // gone
  }
}

describe('OwnedProcess', () => {
  it('tells how the program ended', async () => {
    expect(await shell('echo problem >&2; exit 3').done).toEqual({ exitCode: 3, signal: null, stderrTail: 'problem', startError: null });
    expect(await shell('kill -9 $$').done).toMatchObject({ exitCode: null, signal: 'SIGKILL' });
  });

  it.each([true, false])('says what to install when the program is missing (setpriv: %s)', async (withSetpriv) => {
    const child = new OwnedProcess({ program: 'no-such-ffmpeg', args: [], outputs: [3], setpriv: withSetpriv && setpriv });
    child.output(3)?.resume();
    const exit = await child.done;
    expect(exit.startError).toMatchObject({ code: 'missing-program', message: expect.stringMatching(/no-such-ffmpeg is not installed.*apt-get install ffmpeg.*brew install ffmpeg/u) as string });
    expect(exit.exitCode).toBeNull();
    expect(child.alive).toBe(false);
    await child.close();
  });

  it.each([true, false])('gives the program other variables than its own, and leaves no trace of them in its arguments (setpriv: %s)', async (withSetpriv) => {
    const child = new OwnedProcess({
      program: 'sh', args: ['-c', 'echo "[$GIVEN] [${PATH:-none}] [${HOME+set}]"; tr "\\0" " " < /proc/$$/cmdline'], outputs: [1], setpriv: withSetpriv && setpriv,
      environment: { GIVEN: 'a b=c', HOME: null },
    });
    let text = '';
    child.output(1)?.on('data', (chunk: Buffer) => { text += chunk.toString(); });
    expect(await child.done).toMatchObject({ exitCode: 0, startError: null });
    const [values = '', command = ''] = text.split('\n');
    expect(values).toBe(`[a b=c] [${process.env['PATH'] ?? ''}] []`);
    expect(command).toMatch(/^sh -c /u);
    expect(command).not.toContain('GIVEN=');
    const missing = new OwnedProcess({ program: 'no-such-ffmpeg', args: [], outputs: [], setpriv: withSetpriv && setpriv, environment: { GIVEN: '1' } });
    expect((await missing.done).startError).toMatchObject({ code: 'missing-program' });
  });

  it('reads several pipes and keeps the last 4 KB of standard error, without secrets', async () => {
    const child = shell('echo three >&3; echo five >&5; i=0; while [ $i -lt 300 ]; do echo "line $i rtsp://u:hush@h/ hush" >&2; i=$((i+1)); done', { outputs: [3, 5], secrets: ['hush'] });
    const texts: Record<number, string> = { 3: '', 5: '' };
    for (const fd of [3, 5]) child.output(fd)?.on('data', (chunk: Buffer) => { texts[fd] += chunk.toString(); });
    const exit = await child.done;
    expect(texts).toEqual({ 3: 'three\n', 5: 'five\n' });
    expect(exit.stderrTail).toContain('line 299 rtsp://***@h/ ***');
    expect(exit.stderrTail).not.toContain('hush');
    expect(exit.stderrTail.length).toBeLessThanOrEqual(4096);
  });

  it('ends a process blocked in a write that nobody reads, at once', async () => {
    const child = shell('cat /dev/zero >&3', { outputs: [3] });
    child.output(3)?.pause();
    await until(() => child.alive);
    const startMs = performance.now();
    await child.close();
    expect(performance.now() - startMs).toBeLessThan(1500);
  });

  it('kills a process that does not answer to SIGTERM after 2 s, a stopped one too, and closes twice', async () => {
    const child = shell('trap "" TERM; echo ready >&3; while :; do sleep 0.1; done', { outputs: [3] });
    await new Promise((resolve) => child.output(3)?.once('data', resolve));
    const stopped = shell('exec sleep 60');
    await until(() => stopped.alive);
    process.kill(stopped.pid ?? 0, 'SIGSTOP');
    const startMs = performance.now();
    const [exit, stoppedExit] = await Promise.all([child.close(), stopped.close()]);
    const tookMs = performance.now() - startMs;
    expect(exit.signal).toBe('SIGKILL');
    expect(stoppedExit.signal).not.toBeNull(); // SIGKILL wakes it; some kernels then name the SIGTERM that was waiting
    expect(tookMs).toBeGreaterThan(1900);
    expect(tookMs).toBeLessThan(5000);
    expect([child, stopped].filter(({ pid }) => runs(pid ?? 0))).toEqual([]);
    expect(await child.close()).toBe(exit);
  });

  it('leaves no listener and no process behind after many runs', async () => {
    const before = process.listenerCount('exit');
    const children = Array.from({ length: 20 }, () => shell('exec sleep 60'));
    expect(process.listenerCount('exit')).toBe(before + 1);
    await Promise.all(children.map((child) => child.close()));
    expect(process.listenerCount('exit')).toBe(before);
    expect(children.filter((child) => runs(child.pid ?? 0))).toEqual([]);
  });

  it.runIf(setpriv)('dies with its parent, even when that is killed and it is stopped itself', async () => {
    // The wrapper's own command line, started by a Node that is then killed.
    const script = "const c=require('child_process').spawn('setpriv',['--pdeathsig','KILL','--','sleep','60'],{stdio:'ignore'});c.on('spawn',()=>setTimeout(()=>console.log(c.pid),200))";
    const parent = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'ignore'] });
    const pid = Number(await new Promise<Buffer>((resolve) => parent.stdout.once('data', resolve)));
    expect(execFileSync('ps', ['-o', 'comm=', '-p', String(pid)], { encoding: 'utf8' }).trim()).toBe('sleep');
    process.kill(pid, 'SIGSTOP');
    parent.kill('SIGKILL');
    await until(() => !runs(pid), { timeoutMs: 3000 });
  });
});

describe('runProgram', () => {
  it('collects the output', async () => {
    expect(await runProgram({ program: 'sh', args: ['-c', 'echo out; echo err >&2; exit 1'], setpriv, timeoutMs: 5000 })).toEqual({
      exitCode: 1, signal: null, startError: null, stdout: 'out\n', stderrTail: 'err', endedBy: null,
    });
  });

  it('ends a program that takes too long, writes too much or is no longer wanted', async () => {
    const abort = new AbortController();
    const [slow, loud, aborted] = await Promise.all([
      runProgram({ program: 'sleep', args: ['60'], setpriv, timeoutMs: 100 }),
      runProgram({ program: 'cat', args: ['/dev/zero'], setpriv, timeoutMs: 10_000, maxOutputBytes: 100_000 }),
      (() => {
        const run = runProgram({ program: 'sleep', args: ['60'], setpriv, timeoutMs: 10_000, signal: abort.signal });
        abort.abort();
        return run;
      })(),
    ]);
    expect([slow.endedBy, loud.endedBy, aborted.endedBy]).toEqual(['timeout', 'output-limit', 'abort']);
    expect(loud.stdout.length).toBeLessThanOrEqual(100_000);
  });
});
