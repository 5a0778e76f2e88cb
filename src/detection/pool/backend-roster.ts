import { isIP } from 'node:net';
import { splitEndpoint } from '../../serving/probe-endpoint.js';
import type { Backend } from '../backend/backend.js';
import type { BackendStatus } from '../detector.js';
import { EndpointAddresses, type ResolveHost } from './endpoint-addresses.js';

export type BackendRosterOptions = {
  readonly resolve: ResolveHost;
  /** @param name as people see it @param endpoint `ip:port` @param serverName the name that led there, `null` for an address */
  readonly create: (name: string, endpoint: string, serverName: string | null) => Backend;
  readonly onChange: () => void;
  /** A backend is closed and will not come back under that name. */
  readonly onGone: (name: string) => void;
};

/** One configured endpoint and the backends behind it. */
type Entry = { readonly endpoint: string; readonly addresses: EndpointAddresses; readonly backends: Map<string, Backend>; problem: string | null };

/** Which backends there are: those behind each endpoint, as its name is looked up anew; the ones that are gone end their work and are closed. */
export class BackendRoster {
  readonly #options: BackendRosterOptions;
  readonly #entries: Entry[] = [];
  readonly #leaving = new Map<Backend, Promise<void>>();

  constructor(options: BackendRosterOptions) {
    this.#options = options;
  }

  /** @throws {RangeError} when the endpoint is not `host:port` */
  add(endpoint: string): void {
    const addresses = new EndpointAddresses({
      endpoint,
      resolve: this.#options.resolve,
      onAddresses: (found) => {
        this.#update(entry, found);
      },
      onProblem: (message) => {
        const isNew = entry.problem !== message;
        entry.problem = message;
        if (isNew) this.#options.onChange();
      },
    });
    const entry: Entry = { endpoint, addresses, backends: new Map(), problem: null };
    this.#entries.push(entry);
    addresses.start();
    this.#options.onChange();
  }

  /** All that have not left. */
  backends(): Backend[] {
    return this.#entries.flatMap(({ backends }) => [...backends.values()]);
  }

  /** Of all, those that are leaving and endpoints whose name was not found included. */
  statuses(): BackendStatus[] {
    const known = this.#entries.flatMap((entry) => (entry.backends.size === 0 ? [unresolved(entry)] : [...entry.backends.values()].map((backend) => backend.status())));
    return [...known, ...[...this.#leaving.keys()].map((backend) => backend.status())];
  }

  /** Looks names up soon: a server is missed. */
  refresh(): void {
    for (const { addresses } of this.#entries) addresses.refresh();
  }

  /** Cancels what is in flight and closes all connections. Idempotent. */
  async close(): Promise<void> {
    for (const { addresses } of this.#entries) addresses.close();
    await Promise.all([...this.backends(), ...this.#leaving.keys()].map((backend) => backend.close()));
    await Promise.all(this.#leaving.values());
  }

  #update(entry: Entry, found: readonly string[]): void {
    entry.problem = null;
    const { host } = splitEndpoint(entry.endpoint);
    const serverName = isIP(host) === 0 ? host : null;
    for (const address of found) {
      if (entry.backends.has(address)) continue;
      const name = serverName === null ? entry.endpoint : `${entry.endpoint} (${splitEndpoint(address).host})`;
      entry.backends.set(address, this.#options.create(name, address, serverName));
    }
    for (const [address, backend] of entry.backends) {
      if (found.includes(address)) continue;
      entry.backends.delete(address);
      this.#leave(backend);
    }
    this.#options.onChange();
  }

  #leave(backend: Backend): void {
    const left = backend.drain().then(() => {
      this.#leaving.delete(backend);
      if (!this.backends().some(({ name }) => name === backend.name)) this.#options.onGone(backend.name);
      this.#options.onChange();
    });
    this.#leaving.set(backend, left);
  }
}

function unresolved({ endpoint, problem }: Entry): BackendStatus {
  return {
    endpoint,
    state: problem === null ? 'connecting' : 'unavailable',
    message: problem ?? `looking up ${endpoint}`,
    model: null,
    inFlightBatches: 0,
    limits: { maxBatchSize: 0, maxInFlightBatches: 0, isReduced: false },
    msPerImage: null,
    calls: {},
  };
}
