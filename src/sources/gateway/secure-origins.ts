import { SourceNotAllowedError } from '../../core/errors.js';
import { parseAuthority } from '../../core/source-kind.js';
import { authorityOf } from './upstream-url.js';

/** More servers than this are not remembered: their addresses are then of no use. */
const MAX_ORIGINS = 1_000;

/** The servers that ffmpeg knows by an `http:` address although they speak TLS, which is made for it on the way: so nothing that it is given goes past us unread. */
export class SecureOrigins {
  readonly #origins = new Set<string>();

  has(host: string, port: number): boolean {
    return this.#origins.has(authorityOf(host, port));
  }

  add(host: string, port: number): void {
    if (this.#origins.size < MAX_ORIGINS) this.#origins.add(authorityOf(host, port));
  }

  /** An address that a server has named, as ffmpeg may have it: an `https:` one in plain, all others as they are.
   * @param server that named it; over TLS, `//host/path` means `https:`
   * @throws {SourceNotAllowedError} for other schemes: among them are those by which ffmpeg would go past us */
  forFfmpeg(address: string, { secure, displayName }: { readonly secure: boolean; readonly displayName: string }): string {
    const [, scheme, rest = ''] = /^(?:([a-z][a-z0-9+.-]*):)?(.*)$/isu.exec(address) ?? [];
    const named = scheme?.toLowerCase();
    if (named !== undefined && named !== 'http' && named !== 'https' && (rest.startsWith('//') || named.includes('proxy'))) throw new SourceNotAllowedError(`${displayName}: leads to something that is not http:// or https:// (${named.slice(0, 20)}:), which no source may reach`);
    if (named === 'http' || (named === undefined && !secure) || !rest.startsWith('//')) return address;
    const [, userInfo = '', authority = '', path = ''] = /^\/\/([^/?#@]*@)?([^/?#]*)(.*)$/su.exec(rest) ?? [];
    const parsed = parseAuthority(authority);
    if (parsed === null) return address;
    const { host, port } = { host: parsed.host, port: parsed.port ?? 443 };
    this.add(host, port);
    return `http://${userInfo}${authorityOf(host, port, 80)}${path}`;
  }
}
