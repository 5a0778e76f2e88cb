import { describe, expect, it } from 'vitest';
import { ClosedError, SourceNotAllowedError, SourceOpenError } from '../../../src/core/errors.js';
import { checkNetworkAccess, openRoute, resolveUpstream } from '../../../src/sources/gateway/source-gateway.js';
import { ALLOWED, gatewayHarness } from './gateway-harness.js';

const { web, camera, canary } = gatewayHarness();
const CONFIGURED = { kind: 'configured' } as const;

describe('checkNetworkAccess', () => {
  it('connects to nobody', async () => {
    const [server, trap] = [await web(), await canary()];
    await checkNetworkAccess(`http://${server.authority}/`, ALLOWED);
    await expect(checkNetworkAccess(`rtsp://u:Zq7@${trap.authority}/`, ALLOWED)).rejects.toThrow(SourceNotAllowedError);
    expect([server.sockets.length, trap.hits]).toEqual([0, 0]);
  });

  it.each(['http://127.0.0.9/', 'rtsps://localhost/', 'http://169.254.169.254/'])('refuses %s, in words', async (url) => {
    await expect(checkNetworkAccess(url, { kind: 'networks', networks: ['private'] })).rejects.toThrow(/is not one that a source added at run time may reach \(allowed: private\)/u);
  });

  it('lets a name pass that is not known yet, and what is no URL not', async () => {
    await checkNetworkAccess('rtsp://no-such-camera.invalid/1', ALLOWED);
    await expect(checkNetworkAccess('rtsp://a b/', ALLOWED)).rejects.toThrow(SourceOpenError);
    await expect(checkNetworkAccess('ftp://127.0.0.1/', ALLOWED)).rejects.toThrow(SourceOpenError);
  });
});

describe('resolveUpstream', () => {
  it.each([['rtsp://127.0.0.1/', { host: '127.0.0.1', port: 554 }], ['http://u:p@0x7f.1:8080/x', { host: '127.0.0.1', port: 8080 }], ['https://127.0.0.2/', { host: '127.0.0.2', port: 443 }]])('says where %s is', async (url, expected) => {
    expect(await resolveUpstream(url, ALLOWED)).toEqual(expected);
  });

  it('says why it cannot', async () => {
    await expect(resolveUpstream('rtsp://no-such-camera.invalid/1', ALLOWED)).rejects.toMatchObject({ code: 'source-open', retryable: true });
    await expect(resolveUpstream('rtsp://127.0.0.9/1', ALLOWED)).rejects.toThrow(SourceNotAllowedError);
    await expect(resolveUpstream('rtsp://localhost/1', ALLOWED, AbortSignal.abort())).rejects.toThrow(ClosedError);
  });
});

describe('openRoute', () => {
  const options = { transport: 'tcp', timeoutMs: 1_000, policy: CONFIGURED } as const;

  it('opens the way for each scheme, without a connection to the source', async () => {
    const [server, door] = [await web(), await camera()];
    for (const [url, input] of [[`rtsp://${door.authority}/1`, /^rtsp:\/\/127\.0\.0\.1:/u], [`RTSPS://${door.authority}/1`, /^rtsp:\/\/127\.0\.0\.1:/u], [`http://${server.authority}/1`, /^http:\/\//u], [`https://${server.authority}/1`, /^http:\/\//u]] as const) {
      const route = await openRoute(url, options);
      expect(route.input).toMatch(input);
      await route.close();
    }
    expect([server.sockets.length, door.sockets.length]).toEqual([0, 0]);
  });

  it('opens nothing for what is not known, not allowed or no longer wanted', async () => {
    await expect(openRoute('rtsp://no-such-camera.invalid/1', options)).rejects.toMatchObject({ code: 'source-open', retryable: true });
    await expect(openRoute('http://169.254.169.254/', options)).rejects.toThrow(/metadata service of a cloud/u);
    await expect(openRoute('rtsp://localhost/1', { ...options, signal: AbortSignal.abort() })).rejects.toThrow(ClosedError);
  });
});
