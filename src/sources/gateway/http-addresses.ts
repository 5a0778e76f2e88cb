import { secretsOf } from '../../core/redact.js';
import { authorityOf, type Upstream } from './upstream-url.js';

/** What ends a file's name; some demuxers look at it. */
const EXTENSION = /\.[a-z0-9]{1,5}$/iu;

/** Translates between the address that ffmpeg is given for an HTTP source and the one that its server knows. Left out of it are the query and, where the path itself holds
 * a secret (`/user=admin&password=…/video`), the path: a name that means nothing stands for it, in a folder that stands for its own, so that what a playlist names
 * relative to itself is found. */
export class HttpAddresses {
  /** What ffmpeg opens. */
  readonly input: string;
  readonly #upstream: Upstream;
  readonly #path: string;
  /** Folder that stands for the real one; both end with `/`. */
  readonly #folders: readonly [alias: string, real: string] | null;

  /** @param secrets two different ones, of letters and digits */
  constructor(upstream: Upstream, secrets: readonly [folder: string, name: string]) {
    this.#upstream = upstream;
    const [path = '/'] = upstream.target.split('?');
    const isSecret = secretsOf(`http://host${path}`).length > 0;
    this.#folders = isSecret ? [`/${secrets[0]}/`, path.slice(0, path.lastIndexOf('/') + 1)] : null;
    this.#path = isSecret ? `/${secrets[0]}/${secrets[1]}${EXTENSION.exec(path)?.[0] ?? ''}` : path;
    this.input = `http://${authorityOf(upstream.host, upstream.port, 80)}${this.#path}`;
  }

  /** Path and query that the server is asked for. @param target of a request of ffmpeg to the source's own server */
  toUpstream(target: string): string {
    // The configured URL itself gets its query back; every other request is passed as ffmpeg made it.
    if (target === this.#path) return this.#upstream.target;
    const [alias, real] = this.#folders ?? ['', ''];
    return alias !== '' && target.startsWith(alias) ? real + target.slice(alias.length) : target;
  }
}
