import { spawn, type ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';

/** A decode into two raw outputs and a list of times: what ffmpeg is told apart from where the outputs go. */
export type Decode = {
  readonly clip: string;
  /** Prints its times to descriptor 5. */
  readonly filterGraph: string;
  /** Labels of the graph's outputs, with the size of a frame in bytes. */
  readonly outputs: readonly { readonly label: string; readonly frameBytes: number }[];
};

const FIRST_FD = 3;
const NULL_TIMES = '5>/dev/null';

/** What decoding and the pipes take when nobody looks at a byte: each output is read by `cat`. */
export async function ffmpegToCat(decode: Decode): Promise<void> {
  const redirections = decode.outputs.map((_, index) => `${String(FIRST_FD + index)}> >(cat > /dev/null)`).join(' ');
  await ended(spawn('bash', ['-c', `exec ffmpeg "$@" ${redirections} ${NULL_TIMES}`, 'bash', ...ffmpegArguments(decode)], { stdio: ['ignore', 'inherit', 'inherit'] }));
}

/** The reader that everybody writes first: for each chunk, all that has come so far is put together again.
 * @returns frames read of the last output */
export async function readByConcat(decode: Decode): Promise<number> {
  const child = spawn('ffmpeg', ffmpegArguments(decode), { stdio: ['ignore', 'inherit', 'inherit', 'pipe', 'pipe', 'ignore'] });
  const counts = decode.outputs.map(({ frameBytes }, index) => countByConcat(child.stdio[FIRST_FD + index] as Readable, frameBytes));
  await ended(child);
  return (await Promise.all(counts)).at(-1) ?? 0;
}

async function countByConcat(stream: Readable, frameBytes: number): Promise<number> {
  let frames = 0;
  let pending = Buffer.alloc(0);
  for await (const chunk of stream) {
    pending = Buffer.concat([pending, chunk as Buffer]);
    while (pending.length >= frameBytes) {
      pending = pending.subarray(frameBytes);
      frames++;
    }
  }
  return frames;
}

function ffmpegArguments({ clip, filterGraph, outputs }: Decode): string[] {
  const targets = outputs.flatMap(({ label }, index) => ['-map', label, '-fps_mode', 'passthrough', '-f', 'rawvideo', `pipe:${String(FIRST_FD + index)}`]);
  return ['-loglevel', 'error', '-nostdin', '-noautorotate', '-i', clip, '-an', '-filter_complex', filterGraph, ...targets];
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${child.spawnfile} ended with ${String(code)}`));
    });
  });
}
