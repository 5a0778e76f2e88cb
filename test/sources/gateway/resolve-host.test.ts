import { hostname } from 'node:os';
import type { LookupAddress } from 'node:dns';
import { describe, expect, it } from 'vitest';
import { ClosedError, SourceNotAllowedError, SourceOpenError } from '../../../src/core/errors.js';
import type { NetworkPolicy } from '../../../src/sources/gateway/network-policy.js';
import { resolveAllowed, type ResolveOptions, type Resolver } from '../../../src/sources/gateway/resolve-host.js';

const networks = (...names: readonly string[]): NetworkPolicy => ({ kind: 'networks', networks: names });
const LOOPBACK = networks('loopback');
const options = (overrides: Partial<ResolveOptions> = {}): ResolveOptions => ({ policy: LOOPBACK, timeoutMs: 5_000, displayName: 'rtsp://***@camera/1', ...overrides });

/** A resolver that answers with these addresses, and remembers what it was asked. */
function answering(...addresses: readonly string[]): Resolver & { readonly asked: string[] } {
  const asked: string[] = [];
  const found = addresses.map((address): LookupAddress => ({ address, family: address.includes(':') ? 6 : 4 }));
  return Object.assign((host: string, done: (error: NodeJS.ErrnoException | null, found: LookupAddress[]) => void) => {
    asked.push(host);
    setImmediate(done, null, found);
  }, { asked });
}

/** A resolver that answers when it is told to. */
function hanging(): Resolver & { answer: () => void } {
  const made = Object.assign((_host: string, done: (error: null, found: LookupAddress[]) => void) => {
    made.answer = () => { done(null, [{ address: '127.0.0.1', family: 4 }]); };
  }, { answer: (): void => undefined });
  return made;
}

describe('resolveAllowed', () => {
  it.each(['127.0.0.1', '::1', '::ffff:127.0.0.1', '127.255.255.254'])('asks nobody about the address %s', async (host) => {
    const resolver = answering('10.0.0.1');
    expect(await resolveAllowed(host, options({ resolver }))).toEqual([host]);
    expect(resolver.asked).toEqual([]);
  });

  it('finds the names of /etc/hosts', async () => {
    const found = await resolveAllowed('localhost', options());
    expect(found.length).toBeGreaterThan(0);
    for (const address of found) expect(address).toMatch(/^(?:127\.|::1$)/u);
    expect((await resolveAllowed(hostname(), options({ policy: { kind: 'configured' } }))).length).toBeGreaterThan(0);
  });

  it('refuses a name that leads to nothing that is allowed, naming it and not where it leads', async () => {
    const refused = resolveAllowed('localhost', options({ policy: networks('private') }));
    await expect(refused).rejects.toThrow(SourceNotAllowedError);
    await expect(refused).rejects.toThrow(/^rtsp:\/\/\*\*\*@camera\/1: the host localhost is not .* \(allowed: private\): .*sources\.networks$/u);
    await expect(refused).rejects.not.toThrow(/127|::1/u);
    await expect(refused).rejects.toMatchObject({ code: 'source-not-allowed', retryable: false });
  });

  it('says of a metadata service that no source may reach it', async () => {
    await expect(resolveAllowed('metadata.google.internal', options({ policy: { kind: 'configured' }, resolver: answering('169.254.169.254', 'fd20:ce::254') }))).rejects.toThrow(/metadata service of a cloud/u);
  });

  it('keeps of several addresses those that are allowed, in their order', async () => {
    const resolver = answering('169.254.169.254', '10.0.0.2', '127.0.0.1', '::ffff:10.0.0.1', '8.8.8.8', '::1', 'fd00::1');
    expect(await resolveAllowed('camera.example', options({ policy: networks('private'), resolver }))).toEqual(['10.0.0.2', '::ffff:10.0.0.1', 'fd00::1']);
    expect(resolver.asked).toEqual(['camera.example']);
  });

  it('refuses a name without an address', async () => {
    await expect(resolveAllowed('camera.example', options({ resolver: answering() }))).rejects.toThrow(SourceNotAllowedError);
  });

  it('says that a name is not known, which may pass', async () => {
    const refused = resolveAllowed('no-such-host.invalid', options());
    await expect(refused).rejects.toThrow(SourceOpenError);
    await expect(refused).rejects.toMatchObject({ retryable: true });
    await expect(refused).rejects.toThrow('rtsp://***@camera/1: the host no-such-host.invalid is not known');
  });

  it('waits for a resolver no longer than it may, and does not mind its late answer', async () => {
    const resolver = hanging();
    const refused = resolveAllowed('camera.example', options({ resolver, timeoutMs: 20 }));
    await expect(refused).rejects.toMatchObject({ code: 'source-open', retryable: true });
    await expect(refused).rejects.toThrow(/not resolved in time/u);
    resolver.answer();
  });

  it('ends when it is told to, before and while it asks', async () => {
    const abort = new AbortController();
    const resolver = hanging();
    const running = resolveAllowed('camera.example', options({ resolver, signal: abort.signal }));
    abort.abort();
    await expect(running).rejects.toThrow(ClosedError);
    resolver.answer();
    const asked = answering('127.0.0.1');
    await expect(resolveAllowed('camera.example', options({ resolver: asked, signal: abort.signal }))).rejects.toThrow(ClosedError);
    expect(asked.asked).toEqual([]);
  });
});
