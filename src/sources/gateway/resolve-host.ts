import { lookup, type LookupAddress } from 'node:dns';
import { ClosedError, SourceNotAllowedError, SourceOpenError } from '../../core/errors.js';
import { parseAddress } from './ip-address.js';
import { describeNetworks, isAllowed, type NetworkPolicy } from './network-policy.js';

/** Asks for all addresses of a name, best first. */
export type Resolver = (host: string, done: (error: NodeJS.ErrnoException | null, found: LookupAddress[]) => void) => void;

export type ResolveOptions = {
  readonly policy: NetworkPolicy;
  /** Limit for the resolver, ms. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** What is being opened, for errors: without secrets. */
  readonly displayName: string;
  /** Default: the system's. */
  readonly resolver?: Resolver;
};

/** Turns a host into the addresses that may be connected to, in the resolver's order (`/etc/hosts` included), each of them checked.
 * @param host canonical, see {@link parseAuthority}
 * @returns at least one address
 * @throws {SourceNotAllowedError} when the policy allows none; it names the host and never what it resolved to
 * @throws {SourceOpenError} retryable, when the name is not known or the resolver does not answer
 * @throws {ClosedError} when `signal` ended it */
export async function resolveAllowed(host: string, options: ResolveOptions): Promise<readonly string[]> {
  const addresses = parseAddress(host) === null ? await resolve(host, options) : [host];
  const allowed = addresses.filter((address) => isAllowed(address, options.policy));
  if (allowed.length === 0) throw new SourceNotAllowedError(`${options.displayName}: ${refusal(host, options.policy)}`);
  return allowed;
}

function refusal(host: string, policy: NetworkPolicy): string {
  if (policy.kind === 'configured') return `${host} is the metadata service of a cloud, which no source may reach`;
  return `the host ${host} is not one that a source added at run time may reach (allowed: ${describeNetworks(policy)}): an operator can add its network to sources.networks`;
}

const systemResolver: Resolver = (host, done) => { lookup(host, { all: true, verbatim: true }, done); };

function resolve(host: string, { timeoutMs, signal, displayName, resolver = systemResolver }: ResolveOptions): Promise<readonly string[]> {
  return new Promise((fulfil, reject) => {
    // The system's resolver cannot be interrupted: its late answer is dropped.
    const finish = (settle: () => void): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      settle();
    };
    const fail = (error: Error): void => { finish(() => { reject(error); }); };
    const onAbort = (): void => { fail(new ClosedError(displayName)); };
    const timer = setTimeout(() => { fail(new SourceOpenError(`${displayName}: the name of its host was not resolved in time`, { retryable: true })); }, timeoutMs);
    if (signal?.aborted === true) {
      onAbort();
      return;
    }
    signal?.addEventListener('abort', onAbort, { once: true });
    resolver(host, (error, found) => {
      if (error === null) finish(() => { fulfil(found.map(({ address }) => address)); });
      else fail(new SourceOpenError(`${displayName}: the host ${host} is not known`, { retryable: true, cause: error }));
    });
  });
}
