import { connect, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { SourceNotAllowedError, SourceOpenError } from '../../../src/core/errors.js';
import { peaceful, SDP, withLogin } from '../../helpers/scripted-camera.js';
import { until } from '../../helpers/until.js';
import { gatewayHarness } from './gateway-harness.js';

const { camera, canary, open, client } = gatewayHarness();

describe('a camera that sends us elsewhere', () => {
  it('is followed to where a source may be, without the login', async () => {
    const other = await camera(peaceful(), { host: '127.0.0.2' });
    const door = await camera(withLogin({ scheme: 'basic', user: 'admin', password: 'x' }, peaceful({ DESCRIBE: `302 Moved\r\nLocation: rtsp://thief:y@${other.authority}/there?a=b` })));
    const route = await open(`rtsp://admin:x@${door.authority}/here`);
    const player = await client(route);
    expect(await player.ask('OPTIONS')).toMatchObject({ status: 200 });
    expect(await player.ask('DESCRIBE', '+', { CSeq: '9' })).toMatchObject({ status: 200, headers: { cseq: '9' } });
    expect(await player.ask('SETUP', '+/trackID=1')).toMatchObject({ status: 200 });
    expect(other.requests.map(({ method, uri }) => [method, uri])).toEqual([['DESCRIBE', `rtsp://${other.authority}/there?a=b`], ['SETUP', `rtsp://${other.authority}/there?a=b/trackID=1`]]);
    expect(JSON.stringify(other.requests)).not.toMatch(/authorization|thief/iu);
    await until(() => door.open === 0);
    expect(route.failure()).toBeNull();
  });

  it('is followed on itself with the login', async () => {
    const door = await camera();
    door.script = withLogin({ scheme: 'digest', user: 'admin', password: 'x' }, ({ uri, method }) => (uri.endsWith('/old') ? `301 Moved\r\nLocation: rtsp://${door.authority}/new` : peaceful()({ method, uri, headers: {}, text: '' }, door.sockets[0] as Socket)));
    const route = await open(`rtsp://admin:x@${door.authority}/old`);
    expect(await (await client(route)).ask('DESCRIBE')).toMatchObject({ status: 200 });
    expect(door.requests.map(({ uri }) => uri.split('/').at(-1))).toEqual(['old', 'old', 'new']);
  });

  it('is not followed to where a source may not be', async () => {
    const trap = await canary();
    for (const location of [`rtsp://${trap.authority}/`, `rtsps://${trap.authority}/`, `rtsp://0x7f.9:${String(trap.port)}/`, `rtsp://[::ffff:7f00:9]:${String(trap.port)}/`, 'rtsp://169.254.169.254/']) {
      const door = await camera(peaceful({ DESCRIBE: `302 Moved\r\nLocation: ${location}` }));
      const route = await open(`rtsp://u:Zq7@${door.authority}/`);
      const player = await client(route);
      expect(await player.ask('DESCRIBE')).toMatchObject({ status: 403 });
      await player.ended();
      expect(route.failure()).toBeInstanceOf(SourceNotAllowedError);
      expect(route.failure()?.message).toMatch(/^rtsp:\/\/\*\*\*@127\.0\.0\.1:\d+\/ \(sent to .*\): the host .* is not one that a source added at run time may reach/u);
    }
    expect(trap.hits).toBe(0);
  });

  it.each(['http://127.0.0.1/', 'file:///etc/passwd', 'concat:a|b', 'rtsp://', '//127.0.0.1/', 'rtsp://a b/', 'junk'])('is not followed to %s', async (location) => {
    const door = await camera(peaceful({ OPTIONS: `302 Moved\r\nLocation: ${location}` }));
    const route = await open(`rtsp://${door.authority}/`);
    expect(await (await client(route)).ask('OPTIONS')).toMatchObject({ status: 403 });
    expect(route.failure()).toMatchObject({ code: 'source-not-allowed', message: expect.stringMatching(/not rtsp:\/\/$/u) as string });
  });

  it('is not followed in circles', async () => {
    const door = await camera();
    door.script = () => `302 Moved\r\nLocation: rtsp://${door.authority}/`;
    const route = await open(`rtsp://${door.authority}/`);
    expect(await (await client(route)).ask('OPTIONS')).toMatchObject({ status: 503 });
    expect(route.failure()?.message).toMatch(/in circles/u);
    expect(door.requests).toHaveLength(6);
  });

  it('ends the session when it does so in the middle', async () => {
    const door = await camera(peaceful({ PLAY: '200 OK\r\n\r\n' }));
    const route = await open(`rtsp://${door.authority}/`);
    const player = await client(route);
    await player.ask('PLAY');
    door.sockets[0]?.write(`REDIRECT rtsp://${door.authority}/ RTSP/1.0\r\nCSeq: 1\r\nLocation: rtsp://127.0.0.9/\r\n\r\n`);
    await player.ended();
    expect(route.failure()?.message).toMatch(/sends us elsewhere/u);
  });
});

describe('a camera that names another host', () => {
  it('is asked all the same, and its media is taken from itself', async () => {
    const sdp = ['v=0', 'c=IN IP4 10.9.9.9/127', ' c= IN  IP4\t10.9.9.9', 'c=in ip6 fd00::9', 'a=control:rtsp://10.9.9.9:554/stream/', 'm=video 0 RTP/AVP 96', 'c=IN IP4 224.2.2.9', 'a=control:RTSP://other.example/stream/trackID=1?x=y', ''].join('\r\n');
    const door = await camera(peaceful({
      DESCRIBE: `200 OK\r\nContent-Type: text/odd\r\nContent-Base: rtsp://u:p@10.9.9.9:8554/base/\r\nContent-Location: rtsp://10.9.9.9\r\n\r\n${sdp}`,
      SETUP: '200 OK\r\nTransport: RTP/AVP/UDP;unicast;source=10.9.9.9; destination=10.9.9.8;SOURCE=10.9.9.7;server_port=7000-7001',
      PLAY: '200 OK\r\nRTP-Info: url=rtsp://10.9.9.9/a/trackID=1;seq=1,url=rtsp://other.example/b;seq=2',
    }));
    const route = await open(`rtsp://${door.authority}/here`);
    const player = await client(route);
    const described = await player.ask('DESCRIBE');
    expect(described.text + described.body).not.toMatch(/10\.9|other\.example|fd00|224\.2/u);
    const [, base = ''] = /content-base: (rtsp:\/\/127\.0\.0\.1:\d+\/[0-9a-f]{24})\/base\/\r/iu.exec(described.text) ?? [];
    expect(base).not.toBe('');
    expect(described.headers['content-location']).toBe(base);
    expect(described.body.split('\r\n')).toEqual(['v=0', 'c=IN IP4 0.0.0.0', 'c=IN IP4 0.0.0.0', 'c=IN IP6 ::', `a=control:${base}/stream/`, 'm=video 0 RTP/AVP 96', 'c=IN IP4 0.0.0.0', `a=control:${base}/stream/trackID=1?x=y`, '']);
    expect((await player.ask('SETUP', `${base}/stream/trackID=1?x=y`)).headers['transport']).toBe('RTP/AVP/UDP;unicast;server_port=7000-7001;source=127.0.0.1');
    expect((await player.ask('PLAY')).headers['rtp-info']).toBe(`url=${base}/a/trackID=1;seq=1,url=${base}/b;seq=2`);
    expect(door.requests.map(({ uri }) => uri)).toEqual([`rtsp://${door.authority}/here`, `rtsp://${door.authority}/stream/trackID=1?x=y`, `rtsp://${door.authority}/here`]);
  });

  it('keeps the transport of packets over the connection as it is', async () => {
    const door = await camera(peaceful({ SETUP: '200 OK\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1;source=10.9.9.9;ssrc=1234' }));
    expect((await (await client(await open(`rtsp://${door.authority}/`))).ask('SETUP')).headers['transport']).toBe('RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=1234');
  });

  it('may describe itself in any bytes', async () => {
    const body = `s=${Buffer.from([0xff, 0xfe, 0x00, 0x80, 0xc3]).toString('latin1')}\r\n`;
    const door = await camera(() => Buffer.from(`RTSP/1.0 200 OK\r\nContent-Length: ${String(body.length)}\r\n\r\n${body}`, 'latin1'));
    expect((await (await client(await open(`rtsp://${door.authority}/`))).ask('DESCRIBE')).body).toBe(body);
  });
});

describe('a camera in trouble', () => {
  it.each([
    ['hangs up instead of an answer', (socket: Socket) => { socket.end(); }, /the camera hung up|reset/u],
    ['resets the connection', (socket: Socket) => { socket.resetAndDestroy(); }, /reset|hung up/u],
    ['speaks another language', (socket: Socket) => { socket.write('\0'.repeat(70_000)); }, /does not speak RTSP/u],
    ['never ends its head', (socket: Socket) => { socket.write(`RTSP/1.0 200 OK\r\n${'X: y\r\n'.repeat(20_000)}`); }, /head of a message is too long/u],
    ['announces a huge body', (socket: Socket) => { socket.write('RTSP/1.0 200 OK\r\nContent-Length: 99999999\r\n\r\n'); }, /body of a message is too long/u],
  ])('that %s ends the session, with a reason that may pass', async (_name, act, words) => {
    const door = await camera((_request, socket) => {
      act(socket);
      return null;
    });
    const route = await open(`rtsp://u:Zq7@${door.authority}/`);
    const player = await client(route);
    player.send('OPTIONS');
    await player.ended();
    expect(route.failure()).toBeInstanceOf(SourceOpenError);
    expect(route.failure()).toMatchObject({ retryable: true, message: expect.stringMatching(words) as string });
    await until(() => door.open === 0);
  });

  it('that ends the session while nothing is asked is no failure of the way', async () => {
    const door = await camera();
    const route = await open(`rtsp://${door.authority}/`);
    const player = await client(route);
    await player.ask('PLAY');
    door.sockets[0]?.end();
    await player.ended();
    expect(route.failure()).toBeNull();
  });

  it('that answers to nothing, to all or twice confuses nobody', async () => {
    const door = await camera(({ headers }) => Buffer.from(`RTSP/1.0 100 Continue\r\nCSeq: ${headers['cseq'] ?? ''}\r\n\r\n\r\n\r\nRTSP/1.0 200 OK\r\ncseq: ${headers['cseq'] ?? ''}\r\n\r\nRTSP/1.0 200 OK\r\nCSeq: 999\r\n\r\n`), { greeting: 'RTSP/1.0 100 Trying\r\n\r\n\0' });
    const player = await client(await open(`rtsp://${door.authority}/`));
    for (const cSeq of ['5', '5', 'x']) expect((await player.ask('OPTIONS', '+', { CSeq: cSeq })).text).toMatch(new RegExp(`^RTSP/1\\.0 200 OK\\r\\n(?:cseq|CSeq): ${cSeq}\\r\\n\\r\\n$`, 'u'));
  });

  it('that asks ffmpeg something gets its answer', async () => {
    const door = await camera();
    const player = await client(await open(`rtsp://${door.authority}/`));
    await player.ask('PLAY');
    door.sockets[0]?.write('OPTIONS rtsp://ffmpeg/ RTSP/1.0\r\nCSeq: 3\r\n\r\n');
    await until(() => player.received.includes('OPTIONS rtsp://ffmpeg/ RTSP/1.0\r\nCSeq: 3\r\n\r\n'));
    player.socket.write('RTSP/1.0 200 OK\r\nCSeq: 3\r\n\r\n');
    await until(() => door.rest.length === 1);
    expect(door.rest[0]?.toString()).toBe('RTSP/1.0 200 OK\r\nCSeq: 3');
  });

  it('that says nothing is given too many requests by nobody', async () => {
    const door = await camera(() => null);
    const route = await open(`rtsp://${door.authority}/`);
    const player = await client(route);
    for (let count = 0; count < 17; count += 1) player.send('OPTIONS');
    await player.ended();
    expect(route.failure()?.message).toMatch(/too many requests/u);
    expect(door.requests.length).toBeLessThanOrEqual(16);
  });
});

describe('close()', () => {
  it.each([['in the middle of a session', peaceful()], ['while the camera is silent', () => null]] as const)('leaves neither listener nor connection %s, and may be called again', async (_name, script) => {
    const door = await camera(script);
    const route = await open(`rtsp://${door.authority}/`);
    const [player, idle] = [await client(route), await client(route)];
    player.send('OPTIONS');
    await until(() => door.requests.length === 1);
    await Promise.all([route.close(), route.close()]);
    await route.close();
    await player.ended();
    await idle.ended();
    await until(() => door.open === 0);
    const refused = connect({ host: '127.0.0.1', port: Number(new URL(route.input).port) });
    const code = await new Promise((resolve) => { refused.once('error', (error: NodeJS.ErrnoException) => { resolve(error.code); }); });
    expect(code).toBe('ECONNREFUSED');
    expect(route.failure()).toBeNull();
  });

  it('comes while the camera is connected to', async () => {
    const silent = await camera(peaceful(), { tls: false });
    const route = await open(`rtsps://${silent.authority}/`, { timeoutMs: 60_000 });
    const player = await client(route);
    player.send('OPTIONS');
    await until(() => silent.sockets.length === 1);
    await route.close();
    await until(() => silent.open === 0);
    expect(route.failure()).toBeNull();
  });

  it('is not waited for by a third connection: two are enough', async () => {
    const door = await camera();
    const route = await open(`rtsp://${door.authority}/`);
    const [first, second] = [await client(route), await client(route)];
    expect([await first.ask('DESCRIBE'), await second.ask('DESCRIBE')]).toMatchObject([{ body: SDP }, { body: SDP }]);
    const third = await client(route);
    await third.ended();
    expect(door.sockets).toHaveLength(2);
  });
});
