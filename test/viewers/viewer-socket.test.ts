import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { until } from '../helpers/until.js';
import { TestViewer } from './support/client.js';
import { rawUpgrade, upgradeHeaders } from './support/raw-http.js';
import { startServer } from './support/server.js';

describe('viewer socket', () => {
  it('says hello with all streams, then tells changes and removals', async () => {
    const { port, directory } = await startServer();
    const viewer = new TestViewer(port);
    const hello = await viewer.next('hello');
    expect(hello).toMatchObject({ version: 1, streams: [directory.get('door')] });
    expect(Math.abs(hello.nowMs - Date.now())).toBeLessThan(5000);
    expect(viewer.ws.protocol).toBe('sightline.v1');
    directory.setStatus('door', { state: 'reconnecting' });
    expect((await viewer.next('stream')).stream).toEqual(directory.get('door'));
    directory.removeStream('door');
    expect(await viewer.next('removed')).toEqual({ type: 'removed', stream: 'door' });
  });

  it('sends the newest frame at once on subscribe, then each frame as header and JPEG', async () => {
    const { port, directory } = await startServer();
    directory.offer('door');
    directory.offer('door');
    const viewer = await TestViewer.connect(port);
    expect(directory.watchers('door')).toBe(0);
    viewer.send({ type: 'subscribe', stream: 'door' });
    await until(() => viewer.frames.length === 1);
    expect(directory.watchers('door')).toBe(1);
    const frame = directory.offer('door', { detections: [{ classId: 85, label: 'clock “ö”', score: 0.5, box: [1, 2, 3, 4] }], model: null });
    await until(() => viewer.frames.length === 2);
    expect(viewer.seqs).toEqual([1, 2]);
    const last = viewer.frames[1];
    const rendered = await frame.render({ maxWidthPx: null, drawn: true });
    expect(last?.header).toEqual({
      stream: 'door',
      seq: 2,
      ptsMs: frame.ptsMs,
      capturedAtMs: frame.capturedAtMs,
      sentAtMs: last?.header.sentAtMs,
      widthPx: 640,
      heightPx: 360,
      model: null,
      detections: rendered.detections,
      timingsMs: rendered.timingsMs,
    });
    expect(Buffer.from(last?.jpeg ?? []).equals(rendered.jpeg)).toBe(true);
    expect(Math.abs((last?.header.sentAtMs ?? 0) - Date.now())).toBeLessThan(5000);
    await until(() => directory.heldFrames === 0);
  });

  it('sends nothing more after unsubscribe', async () => {
    const { port, directory } = await startServer();
    const viewer = await TestViewer.connect(port);
    viewer.send({ type: 'subscribe', stream: 'door' });
    viewer.send({ type: 'unsubscribe', stream: 'door' });
    viewer.send({ type: 'unsubscribe', stream: 'door' });
    await viewer.settle();
    directory.offer('door');
    await viewer.settle();
    expect(viewer.frames).toHaveLength(0);
    expect(directory.watchers('door')).toBe(0);
    expect(viewer.messages).toEqual([]);
  });

  it('draws a frame once for all viewers of a rendition, in steps of 160 px, bare for clients that draw themselves', async () => {
    const { port, directory } = await startServer();
    const subscriptions = [{}, {}, { maxWidthPx: 300 }, { maxWidthPx: 320 }, { maxWidthPx: 1920 }, { maxWidthPx: 161, render: 'client' }, { render: 'server' }] as const;
    const viewers = await Promise.all(
      subscriptions.map(async (options) => {
        const viewer = await TestViewer.connect(port);
        viewer.send({ type: 'subscribe', stream: 'door', ...options });
        await viewer.settle();
        return viewer;
      }),
    );
    const frame = directory.offer('door');
    await until(() => viewers.every((viewer) => viewer.frames.length === 1));
    expect([...frame.renders].sort()).toEqual(['320|false', '320|true', 'null|true']);
    expect(viewers.map((viewer) => viewer.frames[0]?.header.widthPx)).toEqual([640, 640, 320, 320, 640, 320, 640]);
    expect(viewers[2]?.frames[0]?.header.detections[0]?.box[0]).toBe(32); // boxes in pixels of the JPEG sent
  });

  it('replaces the options on a second subscribe and sends the newest frame again in the new form', async () => {
    const { port, directory } = await startServer();
    directory.offer('door');
    const viewer = await TestViewer.connect(port);
    viewer.send({ type: 'subscribe', stream: 'door', maxWidthPx: 160 });
    await until(() => viewer.frames.length === 1);
    viewer.send({ type: 'subscribe', stream: 'door', maxWidthPx: 480 });
    await until(() => viewer.frames.length === 2);
    expect(viewer.frames.map((frame) => [frame.header.seq, frame.header.widthPx])).toEqual([
      [0, 160],
      [0, 480],
    ]);
    expect(directory.watchers('door')).toBe(1);
    expect(directory.skipped('door')).toBe(0);
  });

  it('sends no frame of the old form after the options were replaced', async () => {
    const { port, directory } = await startServer();
    const viewer = await TestViewer.connect(port);
    viewer.send({ type: 'subscribe', stream: 'door', maxWidthPx: 160 });
    await viewer.settle();
    let finish: () => void = () => undefined;
    directory.offer('door', { renderAfter: new Promise((resolve) => (finish = resolve)) });
    viewer.send({ type: 'subscribe', stream: 'door', maxWidthPx: 480 });
    await viewer.settle();
    finish();
    await until(() => viewer.frames.length === 1);
    await viewer.settle();
    expect(viewer.frames.map((frame) => frame.header.widthPx)).toEqual([480]);
    await until(() => directory.heldFrames === 0);
  });

  it('sends at most two unacknowledged frames once the viewer acknowledges, and the newest after each', async () => {
    const { port, directory } = await startServer();
    const viewer = await TestViewer.connect(port);
    viewer.send({ type: 'subscribe', stream: 'door' });
    await viewer.settle();
    directory.offer('door');
    await until(() => viewer.frames.length === 1);
    viewer.send({ type: 'ack', stream: 'door', seq: 0 });
    await viewer.settle();
    for (let count = 0; count < 10; count += 1) {
      directory.offer('door');
      await viewer.settle();
    }
    expect(viewer.seqs).toEqual([0, 1, 2]);
    expect(directory.skipped('door')).toBe(7);
    viewer.send({ type: 'ack', stream: 'door', seq: 1 });
    await until(() => viewer.frames.length === 4);
    expect(viewer.seqs).toEqual([0, 1, 2, 10]);
    viewer.send({ type: 'ack', stream: 'door', seq: 10 });
    await viewer.settle();
    directory.offer('door');
    directory.offer('door');
    await until(() => viewer.seqs.includes(12));
    expect(directory.heldFrames).toBe(0);
  });

  it('lets an acknowledgement of frames to come count for nothing', async () => {
    const { port, directory } = await startServer();
    const viewer = await TestViewer.connect(port);
    viewer.send({ type: 'subscribe', stream: 'door' });
    viewer.send({ type: 'ack', stream: 'door', seq: Number.MAX_SAFE_INTEGER });
    await viewer.settle();
    for (let count = 0; count < 5; count += 1) {
      directory.offer('door');
      await viewer.settle();
    }
    expect(viewer.seqs).toEqual([0, 1]);
  });

  it('sends no more frames a second than asked for, evenly, and the newest', async () => {
    const { port, directory } = await startServer();
    const viewer = await TestViewer.connect(port);
    viewer.send({ type: 'subscribe', stream: 'door', maxFps: 10 });
    await viewer.settle();
    directory.play('door', 50);
    await until(() => viewer.frames.length === 16);
    const times = viewer.frames.map((frame) => frame.receivedAtMs);
    const seconds = ((times.at(-1) ?? 0) - (times[0] ?? 0)) / 1000;
    expect(15 / seconds).toBeLessThan(11);
    expect(15 / seconds).toBeGreaterThan(8);
    const steps = viewer.seqs.slice(1).map((seq, index) => seq - (viewer.seqs[index] ?? 0));
    // Every fifth, but for where this process, which plays the frames as well, was held up.
    expect(steps.filter((step) => step >= 3 && step <= 7).length).toBeGreaterThanOrEqual(12);
    expect(directory.skipped('door')).toBe(0);
  });

  it('keeps the newest frame only for a viewer that does not read, and delays nobody else', async () => {
    const { port, directory } = await startServer();
    const slow = await TestViewer.connect(port);
    slow.send({ type: 'subscribe', stream: 'door' });
    await slow.settle();
    slow.ws.pause();
    const fast = await TestViewer.connect(port);
    fast.send({ type: 'subscribe', stream: 'door' });
    await fast.settle();
    directory.play('door', 50, { jpegBytes: 200_000 });
    await until(() => directory.skipped('door') > 20, { what: 'skipped frames' });
    directory.pause('door');
    const offered = directory.frames.length;
    await until(() => fast.frames.length === offered);
    expect(fast.seqs).toEqual(directory.frames.map((frame) => frame.seq));
    const delays = fast.frames.map((frame) => frame.header.sentAtMs - frame.header.capturedAtMs);
    expect(delays.sort((a, b) => a - b)[Math.floor(delays.length / 2)]).toBeLessThan(50);
    expect(directory.heldFrames).toBe(1); // the newest, waiting for the slow one
    slow.ws.resume();
    await until(() => slow.seqs.at(-1) === offered - 1);
    expect(slow.frames.length + directory.skipped('door')).toBe(offered);
    await until(() => directory.heldFrames === 0);
  });

  it('gives every stream of a slow viewer its turn', async () => {
    const { port, directory } = await startServer({ limits: { stallLimitMs: 60_000 } });
    const ids = ['a', 'b', 'c', 'd'];
    for (const id of ids) directory.addStream(id);
    const viewer = await TestViewer.connect(port);
    for (const stream of ids) viewer.send({ type: 'subscribe', stream });
    await viewer.settle();
    viewer.ws.pause();
    for (const id of ids) directory.play(id, 50, { jpegBytes: 400_000 });
    await until(() => ids.every((id) => directory.skipped(id) > 20));
    viewer.ws.resume();
    const newest = Object.fromEntries(ids.map((id) => [id, directory.frames.filter((frame) => frame.streamId === id).length]));
    await until(() => ids.every((id) => viewer.frames.some((frame) => frame.header.stream === id && frame.header.seq >= (newest[id] ?? 0) - 1)));
    for (const id of ids) directory.pause(id);
  });

  it('cuts off a viewer whose socket has not drained for the limit', async () => {
    const { port, directory } = await startServer({ limits: { tickMs: 50, stallLimitMs: 400 } });
    const viewer = await TestViewer.connect(port);
    viewer.send({ type: 'subscribe', stream: 'door' });
    await viewer.settle();
    viewer.ws.pause();
    directory.play('door', 50, { jpegBytes: 500_000 });
    await until(() => directory.skipped('door') > 0);
    await until(() => directory.watchers('door') === 0);
    directory.pause('door');
    await until(() => directory.heldFrames === 0);
  });

  it('goes on after a frame that cannot be drawn and logs at most once a second', async () => {
    const { port, directory, logLines } = await startServer();
    const viewer = await TestViewer.connect(port);
    viewer.send({ type: 'subscribe', stream: 'door' });
    await viewer.settle();
    for (let count = 0; count < 20; count += 1) {
      directory.offer('door', { renderError: new Error('no ink') });
      await viewer.settle();
    }
    directory.offer('door');
    await until(() => viewer.frames.length === 1);
    expect(viewer.seqs).toEqual([20]);
    expect(logLines.filter((line) => line.includes('no ink')).length).toBeLessThanOrEqual(2);
    expect(directory.heldFrames).toBe(0);
  });

  it('ends the subscription when the stream is removed, and starts anew when it comes back', async () => {
    const { port, directory } = await startServer();
    const viewer = await TestViewer.connect(port);
    viewer.send({ type: 'subscribe', stream: 'door' });
    await viewer.settle();
    directory.removeStream('door');
    await viewer.next('removed');
    viewer.send({ type: 'ack', stream: 'door', seq: 0 }); // crossed with the removal: no mistake
    directory.addStream('door');
    directory.offer('door');
    await viewer.settle();
    expect(viewer.messages.filter((message) => message.type === 'error')).toEqual([]);
    expect(viewer.frames).toHaveLength(0);
    viewer.send({ type: 'subscribe', stream: 'door' });
    await until(() => viewer.frames.length === 1);
  });

  it('counts open viewers in the metrics', async () => {
    const { port, metrics } = await startServer();
    const count = async (): Promise<number | undefined> => (await metrics.viewers.get()).values[0]?.value;
    const viewer = await TestViewer.connect(port);
    await TestViewer.connect(port);
    expect(await count()).toBe(2);
    viewer.ws.close();
    await until(async () => (await count()) === 1);
  });
});

describe('viewer messages that are wrong', () => {
  it.each([
    ['not JSON', '{', 'bad-message'],
    ['a list', '[]', 'bad-message'],
    ['nothing', '', 'bad-message'],
    ['null', 'null', 'bad-message'],
    ['no type', '{}', 'bad-message'],
    ['an unknown type', '{"type":"dance"}', 'unknown-type'],
    ['a name every object has', '{"type":"constructor"}', 'unknown-type'],
    ['subscribe without a stream', '{"type":"subscribe"}', 'bad-message'],
    ['a stream that is no text', '{"type":"subscribe","stream":5}', 'bad-message'],
    ['an unknown stream', '{"type":"subscribe","stream":"nobody"}', 'unknown-stream'],
    ['an unknown stream acknowledged', '{"type":"ack","stream":"nobody","seq":1}', 'unknown-stream'],
    ['a stream with a name every object has', '{"type":"subscribe","stream":"__proto__"}', 'unknown-stream'],
    ['no frame rate', '{"type":"subscribe","stream":"door","maxFps":0}', 'bad-message'],
    ['a width that is no number', '{"type":"subscribe","stream":"door","maxWidthPx":"wide"}', 'bad-message'],
    ['half a pixel', '{"type":"subscribe","stream":"door","maxWidthPx":0.5}', 'bad-message'],
    ['an unknown rendering', '{"type":"subscribe","stream":"door","render":"gpu"}', 'bad-message'],
    ['a negative seq', '{"type":"ack","stream":"door","seq":-1}', 'bad-message'],
    ['a time that overflows', '{"type":"ping","t":1e999}', 'bad-message'],
  ])('%s is answered by an error and the socket stays open', async (_name, text, code) => {
    const { port } = await startServer();
    const viewer = await TestViewer.connect(port);
    viewer.ws.send(text);
    expect((await viewer.next('error')).code).toBe(code);
    await viewer.settle();
  });

  it('answers a binary message by an error', async () => {
    const { port } = await startServer();
    const viewer = await TestViewer.connect(port);
    viewer.ws.send(Buffer.from('{"type":"ping","t":1}'));
    expect((await viewer.next('error')).code).toBe('bad-message');
  });

  it('names the stream in the error and ignores keys it does not know', async () => {
    const { port, directory } = await startServer();
    const viewer = await TestViewer.connect(port);
    viewer.ws.send('{"type":"subscribe","stream":"nobody"}');
    expect(await viewer.next('error')).toMatchObject({ code: 'unknown-stream', stream: 'nobody' });
    viewer.ws.send('{"type":"subscribe","stream":"door","later":true}');
    await viewer.settle();
    expect(directory.watchers('door')).toBe(1);
  });

  it('closes with 1008 at the twentieth in a minute, not before', async () => {
    const { port, directory } = await startServer();
    const viewer = await TestViewer.connect(port);
    viewer.send({ type: 'subscribe', stream: 'door' });
    for (let count = 0; count < 19; count += 1) viewer.ws.send('?');
    await viewer.settle();
    viewer.ws.send('?');
    expect(await viewer.closed()).toBe(1008);
    expect(viewer.messages.filter((message) => message.type === 'error')).toHaveLength(20);
    expect(directory.watchers('door')).toBe(0);
  });

  it('forgets those that are older than the window', async () => {
    const { port } = await startServer({ limits: { maxBadMessages: 3, badMessageWindowMs: 50 } });
    const viewer = await TestViewer.connect(port);
    for (let round = 0; round < 3; round += 1) {
      viewer.ws.send('?');
      viewer.ws.send('?');
      const sentAtMs = performance.now();
      await until(() => performance.now() - sentAtMs > 80);
    }
    await viewer.settle();
    expect(viewer.closeCode).toBeNull();
  });

  it('listens to nothing that is said after the goodbye', async () => {
    const { port, directory } = await startServer({ limits: { maxBadMessages: 1 } });
    const frame = directory.offer('door');
    const viewer = await TestViewer.connect(port);
    viewer.ws.send('?');
    viewer.send({ type: 'subscribe', stream: 'door' });
    expect(await viewer.closed()).toBe(1008);
    expect(frame.renders).toEqual([]);
  });
});

describe('viewer upgrade', () => {
  it.each([
    ['a foreign Origin', { Origin: 'http://evil.example' }, 403],
    ['an Origin on another port', { Origin: 'http://127.0.0.1:1' }, 403],
    ['an Origin without a place', { Origin: 'null' }, 403],
    ['a foreign Host', { Host: 'evil.example' }, 403],
    ['no subprotocol', { 'Sec-WebSocket-Protocol': undefined }, 400],
    ['another subprotocol', { 'Sec-WebSocket-Protocol': 'sightline.v2, chat' }, 400],
    ['no key', { 'Sec-WebSocket-Key': undefined }, 400],
    ['a key that is none', { 'Sec-WebSocket-Key': 'x' }, 400],
    ['an old version', { 'Sec-WebSocket-Version': '1' }, 400],
    ['another protocol', { Upgrade: 'h2c' }, 400],
  ])('is refused with %s', async (_name, headers, status) => {
    const { port, metrics } = await startServer();
    const response = await rawUpgrade(port, headers);
    expect(response.status).toBe(status);
    expect((await metrics.viewers.get()).values[0]?.value ?? 0).toBe(0);
  });

  it('is refused in JSON elsewhere than at /ws', async () => {
    const { port } = await startServer();
    const response = await rawUpgrade(port, {}, '/api/streams');
    expect(response.status).toBe(404);
    expect(JSON.parse(response.body.toString())).toMatchObject({ error: { code: 'not-found' } });
  });

  it('is granted to our own page, to any other order of subprotocols, and without Origin', async () => {
    const { port } = await startServer();
    await TestViewer.connect(port);
    await TestViewer.connect(port, { headers: { Origin: `http://localhost:${String(port)}` } });
    await TestViewer.connect(port, { headers: { 'Sec-WebSocket-Protocol': 'chat, sightline.v1' } });
    expect(upgradeHeaders(port)['Sec-WebSocket-Protocol']).toBe('sightline.v1');
  });

  it('ends at once with 1013 when there are too many viewers, and is granted again when there is room', async () => {
    const { port, metrics } = await startServer({ limits: { maxViewers: 1 } });
    const first = await TestViewer.connect(port);
    const second = new TestViewer(port);
    expect(await second.closed()).toBe(1013);
    expect(second.messages).toEqual([]);
    first.ws.close();
    await until(async () => (await metrics.viewers.get()).values[0]?.value === 0);
    await TestViewer.connect(port);
  });

  const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

  it('needs a token where tokens are configured, and keeps to its streams', async () => {
    const { port, directory } = await startServer({ tokens: [{ name: 'guest', sha256: sha256('some'), role: 'viewer', streams: ['door'] }] });
    directory.addStream('yard');
    expect((await rawUpgrade(port)).status).toBe(401);
    expect((await rawUpgrade(port, { Authorization: 'Bearer wrong' })).status).toBe(401);
    const viewer = new TestViewer(port, { headers: { Authorization: 'Bearer some' } });
    expect((await viewer.next('hello')).streams.map((stream) => stream.id)).toEqual(['door']);
    viewer.send({ type: 'subscribe', stream: 'yard' });
    expect((await viewer.next('error')).code).toBe('forbidden');
    expect(directory.watchers('yard')).toBe(0);
    directory.setStatus('yard', { state: 'failed' });
    directory.removeStream('yard');
    await viewer.settle();
    expect(viewer.messages).toEqual([]);
  });

  it('ends with 4401 when the token expires', async () => {
    const expires = new Date(Date.now() + 700).toISOString();
    const { port, directory } = await startServer({ tokens: [{ name: 'short', sha256: sha256('short'), role: 'viewer', expires }], limits: { tickMs: 50 } });
    const viewer = await TestViewer.connect(port, { headers: { Authorization: 'Bearer short' } });
    viewer.send({ type: 'subscribe', stream: 'door' });
    await viewer.settle();
    expect(await viewer.closed()).toBe(4401);
    expect(directory.watchers('door')).toBe(0);
  });
});
