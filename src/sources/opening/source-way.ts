import type { InputRoute } from '../gateway/route.js';
import { openRoute } from '../gateway/source-gateway.js';
import { ImageFolder } from './image-folder.js';
import { probeSource, type SourceInfo } from './probe-source.js';
import { CONFIGURED_ACCESS, checkFileAccess } from './source-access.js';
import { isOnDisk, pathInput, type SourceLocation } from './source-location.js';
import type { VideoSourceOptions } from '../video-source-contract.js';

export type SourceWayOptions = Pick<VideoSourceOptions, 'mode' | 'tools' | 'transport' | 'timeoutMs' | 'imageFps' | 'access'>;

/** The way of ffmpeg and ffprobe to one source, opened anew for each run. What lies on this machine's disk is looked at once: what it holds and where its
 * images are stays from run to run. */
export class SourceWay {
  readonly #options: SourceWayOptions;
  #info: SourceInfo | null = null;
  #images: ImageFolder | null = null;

  constructor(options: SourceWayOptions) {
    this.#options = options;
  }

  /** Opens it for one run: to the network only through the gateway. The caller closes it.
   * @throws {SourceNotAllowedError} the source lies where it must not
   * @throws {SourceOpenError} a host that is not known (retryable), a folder without usable images
   * @throws {ClosedError} when `signal` ended it */
  async open(location: SourceLocation, signal: AbortSignal): Promise<InputRoute> {
    const { access = CONFIGURED_ACCESS, transport, timeoutMs } = this.#options;
    switch (location.kind) {
      case 'rtsp':
      case 'http':
        return openRoute(location.url, { transport, timeoutMs, policy: access.network, signal });
      case 'images':
        this.#images ??= await ImageFolder.open(location, access, signal);
        return directly(this.#images.input);
      case 'file':
      case 'device':
        // Where a link leads may have changed since the stream was added.
        await checkFileAccess(location.path, access, location.displayName);
        return directly(pathInput(location));
    }
  }

  /** What the source holds; asked again in each run, but for what lies on the disk: a camera may come back with other settings.
   * @throws {SightlineError} why it cannot be used, see {@link probeSource} */
  async probe(location: SourceLocation, route: InputRoute, signal: AbortSignal): Promise<SourceInfo> {
    const probed = this.#info ?? (await probeSource(location, { ...this.#options, access: this.#options.access ?? CONFIGURED_ACCESS, live: this.#options.mode === 'live', signal, route }));
    const info = this.#images === null ? probed : { ...probed, frameCount: this.#images.count };
    if (isOnDisk(location)) this.#info = info;
    return info;
  }

  /** Lets go of what it keeps. Idempotent; not while a run is on. */
  async close(): Promise<void> {
    const images = this.#images;
    this.#images = null;
    await images?.close();
  }
}

function directly(input: string): InputRoute {
  return { input, environment: {}, failure: () => null, targetDurationMs: () => null, close: () => Promise.resolve() };
}
