import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeWebRoot, startServer } from './support/server.js';
import { tokenFor } from './support/tokens.js';

function webRoot(): string {
  const root = makeWebRoot();
  mkdirSync(join(root, 'embed'));
  writeFileSync(join(root, 'embed', 'index.html'), '<!doctype html><title>tile</title>');
  return root;
}

const policyOf = (response: Response): string => /frame-ancestors ([^;]*)/.exec(response.headers.get('content-security-policy') ?? '')?.[1] ?? '';

describe('/embed/STREAM', () => {
  it('is one page for every stream, there or not, and nothing for other names', async () => {
    const { base } = await startServer({ webRoot: webRoot() });
    for (const path of ['/embed/door', '/embed/no-such-stream']) {
      const response = await fetch(base + path);
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
      expect(await response.text()).toContain('<title>tile</title>');
    }
    for (const path of ['/embed/', '/embed', '/embed/index.html', '/embed/a.b', '/embed/a%2fb', '/embed/door/x', `/embed/${'x'.repeat(65)}`, '/embed/..%2f..%2fsecret.txt']) {
      expect((await fetch(base + path)).status, path).toBe(404);
    }
    expect((await fetch(`${base}/embed/door`, { method: 'POST' })).status).toBe(405);
    expect((await fetch(`${base}/embed/door`, { method: 'HEAD' })).status).toBe(200);
  });

  it('can be framed by nobody unless origins are configured', async () => {
    const { base } = await startServer({ webRoot: webRoot() });
    const response = await fetch(`${base}/embed/door`);
    expect(policyOf(response)).toBe("'none'");
    expect(response.headers.get('x-frame-options')).toBe('DENY');
  });

  it.each<[readonly string[], string]>([
    [['https://intranet.example'], 'https://intranet.example'],
    [['https://intranet.example', 'http://10.0.0.7:8000'], 'https://intranet.example http://10.0.0.7:8000'],
    [['*'], '*'],
  ])('can be framed by %o and nobody else', async (embedOrigins, policy) => {
    const { base } = await startServer({ webRoot: webRoot(), embedOrigins });
    const response = await fetch(`${base}/embed/door`);
    expect(policyOf(response)).toBe(policy);
    expect(response.headers.get('content-security-policy')).toContain("default-src 'self'");
    expect(response.headers.get('x-frame-options')).toBeNull();
    expect(response.headers.get('cross-origin-resource-policy')).toBe('cross-origin');
  });

  it('lets nothing but itself be framed', async () => {
    const { base } = await startServer({ webRoot: webRoot(), embedOrigins: ['*'] });
    for (const path of ['/', '/api/streams', '/assets/plain.js', '/embedded', '/healthz']) {
      const response = await fetch(base + path);
      expect(policyOf(response), path).toBe("'none'");
      expect(response.headers.get('x-frame-options'), path).toBe('DENY');
    }
  });

  it('needs no token, as it shows nothing by itself', async () => {
    const { base } = await startServer({ webRoot: webRoot(), tokens: [tokenFor('wall')] });
    expect((await fetch(`${base}/embed/door`)).status).toBe(200);
    expect((await fetch(`${base}/embed/door/x`)).status).toBe(401);
    expect((await fetch(`${base}/api/tickets`, { method: 'POST' })).status).toBe(401);
  });

  it('is missing where the page is not built', async () => {
    const { base } = await startServer();
    expect((await fetch(`${base}/embed/door`)).status).toBe(404);
  });
});
