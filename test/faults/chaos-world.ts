import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { loadConfig } from '../../src/config/load-config.js';
import type { StreamStatus } from '../../src/core/stream-status.js';
import { startService, type Service } from '../../src/service.js';
import { createLogger } from '../../src/telemetry/logger.js';
import { CLIPS_FOLDER, numberedClip } from '../helpers/clips.js';
import { FakeServing } from '../helpers/fake-serving.js';
import { FaultProxy } from '../helpers/fault-proxy.js';
import { LiveVideoServer } from '../helpers/live-video-server.js';
import { descendantsOf } from '../helpers/processes.js';
import { RtspCamera } from '../helpers/rtsp-camera.js';
import { isConserved } from '../helpers/stream-rig.js';
import { until } from '../helpers/until.js';

const CAMERA = { widthPx: 320, heightPx: 180 };
const CAMERAS = 2;

/** The service as people run it, and all that it depends on: two cameras and a live video behind proxies, a recording, a backend. */
export class ChaosWorld {
  readonly service: Service;
  readonly serving: FakeServing;
  readonly video: LiveVideoServer;
  /** In front of the cameras, then of the video. */
  readonly proxies: readonly FaultProxy[];
  /** `null`: switched off. */
  readonly cameras: (RtspCamera | null)[];
  /** What was counted that does not add up, and what the service answered that it must not. */
  readonly problems: string[] = [];
  readonly #folder: string;
  readonly #ports: readonly number[];
  readonly #recording: string;
  readonly #viewers: WebSocket[] = [];
  #isBackendUp = true;

  static async open(): Promise<ChaosWorld> {
    const cameras = await Promise.all(Array.from({ length: CAMERAS }, () => RtspCamera.start(CAMERA)));
    // Numbers go round after 1024 frames.
    const live = await numberedClip({ name: 'chaos-live.ts', frames: 2_500, options: ['-bf', '0'] });
    const recording = await numberedClip({ name: 'chaos.mp4', frames: 250 });
    const video = await LiveVideoServer.start({ parts: [{ path: live, durationMs: 100_000 }], loop: true, burstMs: 2_000 });
    const proxies = await Promise.all([...cameras, video].map(({ port }) => FaultProxy.start(port)));
    const serving = await new FakeServing({ records: false }).start();
    const folder = await mkdtemp(join(tmpdir(), 'sightline-chaos-'));
    // Without it, there would be the demo.
    await mkdir(join(folder, 'streams'));
    await writeFile(join(folder, 'sightline.yaml'), JSON.stringify({
      server: { port: 0 },
      backend: { endpoints: [serving.endpoint] },
      batching: { maxBatchSize: 4, batchTimeoutMs: 5, maxInFlightBatches: 2 },
      sources: { roots: [CLIPS_FOLDER], networks: ['loopback'] },
    }));
    const service = await startService({ config: await loadConfig({ cwd: folder, env: {} }), cacheDir: folder, log: createLogger({ level: 'silent', format: 'json' }) });
    return new ChaosWorld({ service, serving, video, proxies, cameras, folder, recording });
  }

  private constructor(parts: { service: Service; serving: FakeServing; video: LiveVideoServer; proxies: readonly FaultProxy[]; cameras: readonly RtspCamera[]; folder: string; recording: string }) {
    const { service, serving, video, proxies, cameras, folder, recording } = parts;
    [this.service, this.serving, this.video, this.proxies, this.cameras] = [service, serving, video, proxies, [...cameras]];
    [this.#folder, this.#recording, this.#ports] = [folder, recording, cameras.map(({ port }) => port)];
  }

  /** The streams that are there from beginning to end. */
  get definitions(): readonly { readonly id: string; readonly source: string; readonly mode?: 'live' | 'replay'; readonly loop?: boolean; readonly timeoutMs?: number }[] {
    const [first, second, video] = this.proxies.map(({ port }) => String(port));
    return [
      { id: 'camera-1', source: `rtsp://127.0.0.1:${String(first)}/stream`, timeoutMs: 5_000 },
      { id: 'camera-2', source: `rtsp://127.0.0.1:${String(second)}/stream`, timeoutMs: 5_000 },
      { id: 'video', source: `http://127.0.0.1:${String(video)}/live.ts`, mode: 'live', timeoutMs: 5_000 },
      { id: 'recording', source: this.#recording, mode: 'replay', loop: true },
    ];
  }

  /** One more, which may be removed. */
  extra(id: string, kind: 'file' | 'dead'): Record<string, unknown> {
    return kind === 'file' ? { id, source: this.#recording, mode: 'live', loop: true } : { id, source: 'rtsp://127.0.0.1:9/stream' };
  }

  /** Asks the service's API; 5xx is a problem. */
  api(method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown): Promise<{ readonly status: number; readonly text: string }> {
    return new Promise((resolve, reject) => {
      // A connection of its own: one that is kept would be counted.
      const sent = request(new URL(path, this.service.url), { method, agent: false, headers: body === undefined ? {} : { 'content-type': 'application/json' } }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => { text += chunk; }).on('end', () => {
          const { statusCode: status = 0 } = response;
          if (status >= 500) this.problems.push(`${method} ${path}: ${String(status)} ${text}`);
          resolve({ status, text });
        });
      });
      sent.on('error', reject);
      sent.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  async control(id: string, command: Record<string, unknown>): Promise<void> {
    await this.api('POST', `/api/streams/${id}/control`, command);
  }

  /** All streams as the service tells of them; the law of conservation is looked at each time. */
  async streams(): Promise<readonly StreamStatus[]> {
    const { streams } = JSON.parse((await this.api('GET', '/api/streams')).text) as { streams: StreamStatus[] };
    for (const { id, counters } of streams) if (!isConserved(counters)) this.problems.push(`${id}: not conserved: ${JSON.stringify(counters)}`);
    return streams;
  }

  /** Lets go of what the stand-ins keep of all that happened to them. */
  forget(): void {
    for (const { records } of this.proxies) records.length = 0;
    this.video.requests.length = 0;
  }

  /** Frames of all streams that ever were, and those of them without an end; by the metrics, which remember the streams that were removed. */
  async frames(): Promise<{ readonly decoded: number; readonly unended: number }> {
    const { text } = await this.api('GET', '/metrics');
    const lines = [...text.matchAll(/^sightline_frames_total\{.*outcome="(\w+)".*\} (\d+)$/gmu)];
    const total = (...outcomes: readonly string[]): number => lines.filter(([, outcome = '']) => outcomes.includes(outcome)).reduce((sum, [, , count]) => sum + Number(count), 0);
    return { decoded: total('decoded'), unended: total('decoded') - total('shown', 'dropped', 'failed') };
  }

  /** The ffmpeg and ffprobe processes of the service. */
  async programs(): Promise<readonly { readonly pid: number; readonly state: string }[]> {
    return (await descendantsOf(process.pid)).filter(({ command }) => /(?:^|\/)ff(?:mpeg|probe) /u.test(command));
  }

  async viewerComes(): Promise<void> {
    const viewer = new WebSocket(`ws://127.0.0.1:${String(this.service.port)}/ws`, 'sightline.v1', { perMessageDeflate: false });
    viewer.on('error', () => undefined); // `close` follows
    this.#viewers.push(viewer);
    await until(() => viewer.readyState !== WebSocket.CONNECTING);
    for (const { id } of this.definitions) if (viewer.readyState === WebSocket.OPEN) viewer.send(JSON.stringify({ type: 'subscribe', stream: id, maxFps: 5 }));
  }

  async viewersGo(how: 'politely' | 'abruptly' = 'politely'): Promise<void> {
    const viewers = this.#viewers.splice(0);
    for (const viewer of viewers) if (how === 'politely') viewer.close(); else viewer.terminate();
    await until(() => viewers.every(({ readyState }) => readyState === WebSocket.CLOSED));
  }

  async switchCamera(index: number, on: boolean): Promise<void> {
    const camera = this.cameras[index] ?? null;
    if (on === (camera !== null)) return;
    this.cameras[index] = null;
    await camera?.close();
    if (on) this.cameras[index] = await RtspCamera.start({ ...CAMERA, port: this.#ports[index] ?? 0 });
  }

  /** Makes all good again that is not the service's own business. */
  async heal(): Promise<void> {
    for (const proxy of this.proxies) {
      proxy.heal();
      await proxy.plug();
    }
    Object.assign(this.serving.script, { hang: false, failWith: null, rawAnswer: null, delayMs: 0 });
    await this.bringBackendBack();
    for (const camera of this.cameras) camera?.signal('SIGCONT');
    for (const index of this.cameras.keys()) await this.switchCamera(index, true);
    for (const { pid } of await this.programs()) signal(pid, 'SIGCONT');
  }

  async takeBackendAway(): Promise<void> {
    this.#isBackendUp = false;
    await this.serving.close();
  }

  async bringBackendBack(): Promise<void> {
    if (!this.#isBackendUp) await this.serving.start(this.serving.port);
    this.#isBackendUp = true;
  }

  /** Idempotent. */
  async close(): Promise<void> {
    await this.viewersGo();
    await this.service.close();
    await Promise.all([...this.proxies.map((proxy) => proxy.close()), this.video.close(), this.serving.close(), ...this.cameras.map((camera) => camera?.close())]);
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Sends a signal to a process that may be gone. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
