import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { StreamTimeline } from '../../src/core/stream-timeline.js';
import type { Token } from '../../src/viewers/tokens.js';
import { startServer } from './support/server.js';

const TIMELINE: StreamTimeline = { durationMs: 60_000, bucketMs: 200, buckets: [{ index: 7, classes: { clock: 5 } }], classIds: { clock: 85 } };
const token = (name: string, options: Partial<Token> = {}): Token => ({ name, sha256: createHash('sha256').update(name).digest('hex'), role: 'viewer', ...options });

async function get(url: string, name?: string, method = 'GET'): Promise<readonly [status: number, code: string | undefined, body: unknown, response: Response]> {
  const response = await fetch(url, { method, ...(name !== undefined && { headers: { authorization: `Bearer ${name}` } }) });
  const body = (await response.json()) as { error?: { code: string } };
  return [response.status, body.error?.code, body, response];
}

describe('GET /api/streams/:id/timeline', () => {
  it('tells what was found where in a recording, never from a cache', async () => {
    const { base, directory } = await startServer();
    directory.addStream('clip', { mode: 'replay', durationMs: 60_000 });
    directory.timelines.set('clip', TIMELINE);
    const [status, , body, response] = await get(`${base}/api/streams/clip/timeline`);
    expect([status, response.headers.get('cache-control'), body]).toEqual([200, 'no-store', TIMELINE]);
  });

  it('is not there for a live stream (409), for none (404), and is only read (405)', async () => {
    const { base, directory } = await startServer();
    directory.addStream('clip', { mode: 'replay' });
    expect((await get(`${base}/api/streams/door/timeline`)).slice(0, 2)).toEqual([409, 'not-supported']);
    expect((await get(`${base}/api/streams/nobody/timeline`)).slice(0, 2)).toEqual([404, 'unknown-stream']);
    expect((await get(`${base}/api/streams/clip/timeline`, undefined, 'POST')).slice(0, 2)).toEqual([405, 'method-not-allowed']);
  });

  it('is for whoever may look at the stream, and for nobody else', async () => {
    const { base, directory } = await startServer({ tokens: [token('wall'), token('guest', { streams: ['door'] })] });
    directory.addStream('clip', { mode: 'replay' });
    expect((await get(`${base}/api/streams/clip/timeline`, 'wall'))[0]).toBe(200);
    expect((await get(`${base}/api/streams/clip/timeline`, 'guest')).slice(0, 2)).toEqual([403, 'forbidden']);
    expect((await get(`${base}/api/streams/clip/timeline`)).slice(0, 2)).toEqual([401, 'unauthorized']);
  });
});
