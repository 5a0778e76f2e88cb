import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { PixelImage } from '../../src/core/frames.js';
import type { Letterbox } from '../../src/core/geometry.js';
import { numberOf } from './clips.js';

const SCRIPT = fileURLToPath(new URL('rtsp-camera.py', import.meta.url));
/** Debian's own, which has gst-rtsp-server's bindings. */
const PYTHON = '/usr/bin/python3';
const CLOCK_BITS = 20;
const START_LIMIT_MS = 20_000;

export type CameraOptions = {
  /** Default: any free one. */
  readonly port?: number;
  readonly path?: string;
  readonly widthPx?: number;
  readonly heightPx?: number;
  readonly fps?: number;
  readonly codec?: 'h264' | 'jpeg';
  readonly transport?: 'any' | 'tcp' | 'udp';
  readonly auth?: 'none' | 'basic' | 'digest';
  readonly user?: string;
  readonly password?: string;
};

/** A real RTSP server whose picture is a clock, see `rtsp-camera.py`. */
export class RtspCamera {
  readonly port: number;
  readonly #options: CameraOptions;
  readonly #process: ChildProcess;

  private constructor(child: ChildProcess, port: number, options: CameraOptions) {
    this.#process = child;
    this.port = port;
    this.#options = options;
  }

  /** Starts one and waits until it serves. */
  static async start(options: CameraOptions = {}): Promise<RtspCamera> {
    const args = Object.entries({ port: options.port, path: options.path, width: options.widthPx, height: options.heightPx, fps: options.fps, codec: options.codec, transport: options.transport, auth: options.auth, user: options.user, password: options.password })
      .flatMap(([name, value]) => (value === undefined ? [] : [`--${name}=${String(value)}`]));
    const child = spawn(PYTHON, [SCRIPT, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
    let told = '';
    const port = await new Promise<number>((resolve, reject) => {
      const fail = (why: string): void => {
        child.kill('SIGKILL');
        reject(new Error(`the camera did not start: ${why} ${told}`));
      };
      const timer = setTimeout(() => { fail('too late'); }, START_LIMIT_MS);
      child.once('error', (error) => { fail(error.message); });
      child.once('exit', (code) => { fail(`ended with ${String(code)}`); });
      const listen = (chunk: Buffer): void => {
        told += chunk.toString();
        const ready = /^ready (\d+)$/mu.exec(told)?.[1];
        if (ready === undefined) return;
        clearTimeout(timer);
        child.removeAllListeners('exit');
        resolve(Number(ready));
      };
      child.stdout.on('data', listen);
      child.stderr.on('data', listen);
    });
    return new RtspCamera(child, port, options);
  }

  /** With the login, if it wants one. */
  get url(): string {
    const { auth = 'none', user = 'admin', password = '', path = '/stream' } = this.#options;
    const login = auth === 'none' ? '' : `${encodeURIComponent(user)}:${encodeURIComponent(password)}@`;
    return `rtsp://${login}127.0.0.1:${String(this.port)}${path}`;
  }

  /** `SIGKILL`: the machine is gone, its connections are reset; `SIGSTOP`: it hangs; `SIGCONT`: it goes on. */
  signal(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
    this.#process.kill(signal);
  }

  /** Ends it. Idempotent. */
  async close(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exited = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await exited;
  }
}

/** Age of a camera's picture by the clock that it shows, ms.
 * @param box where the picture lies, for a model's input */
export function shownAgeMs(image: PixelImage, nowMs: number, box?: Letterbox): number {
  const span = 2 ** CLOCK_BITS;
  return (((Math.floor(nowMs) - numberOf(image, box, CLOCK_BITS)) % span) + span) % span;
}

/** A port of loopback that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => { server.close(resolve); });
  return port;
}
