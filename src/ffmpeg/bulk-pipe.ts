import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Read at once at most. Measured on 720p frames: larger buffers gain nothing. */
const BUFFER_BYTES = 256 * 1024;

/** A way for many megabytes a second from a child process to us, read into one buffer over and over.
 *
 * The pipes that `spawn` makes hand out a new 64 KiB buffer for every read. At 25 frames of 1280x720 a second that is 110 MB/s of garbage outside
 * V8's heap, which made it collect the whole heap ten times a second: 12 ms of CPU a frame in the service, against 1.5 so (measured 2026-11). */
export class BulkPipe {
  /** The child's end: given to `spawn`, then let go of. */
  readonly theirs: Socket;
  /** Gets each chunk; it is overwritten when this returns. */
  onChunk: (chunk: Buffer) => void = () => undefined;
  /** Resolves when everything is read and the child's end is closed, or after `destroy()`. */
  readonly closed: Promise<void>;
  readonly #ours: Socket;

  /** Resolves with a connected pair of sockets. */
  static async open(): Promise<BulkPipe> {
    // Of all sockets only one that connects can be given a buffer, and Node has no socketpair().
    const folder = await mkdtemp(join(tmpdir(), 'sightline-'));
    const server = createServer({ pauseOnConnect: true });
    try {
      const path = join(folder, 's');
      server.listen(path);
      await once(server, 'listening');
      const pipe: { current: BulkPipe | null } = { current: null };
      const callback = (bytes: number, buffer: Uint8Array): boolean => {
        pipe.current?.onChunk(Buffer.from(buffer.buffer, buffer.byteOffset, bytes));
        return true;
      };
      const ours = connect({ path, onread: { buffer: Buffer.allocUnsafeSlow(BUFFER_BYTES), callback } });
      const [[theirs]] = (await Promise.all([once(server, 'connection'), once(ours, 'connect')])) as [[Socket], unknown];
      pipe.current = new BulkPipe(ours, theirs);
      return pipe.current;
    } finally {
      server.close();
      await rm(folder, { recursive: true, force: true });
    }
  }

  private constructor(ours: Socket, theirs: Socket) {
    this.#ours = ours;
    this.theirs = theirs;
    // That the child is gone is told by its exit.
    for (const end of [ours, theirs]) end.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      ours.once('close', () => {
        resolve();
      });
    });
  }

  pause(): void {
    this.#ours.pause();
  }

  resume(): void {
    this.#ours.resume();
  }

  /** Closes both ends. Idempotent. */
  destroy(): void {
    this.#ours.destroy();
    this.theirs.destroy();
  }
}
