import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { SourceNotAllowedError, SourceOpenError, SourceUnauthorizedError } from '../../../src/core/errors.js';
import { peaceful, withLogin } from '../../helpers/scripted-camera.js';
import { freePort } from '../../helpers/rtsp-camera.js';
import { until } from '../../helpers/until.js';
import { gatewayHarness } from './gateway-harness.js';

const { camera, canary, open, client } = gatewayHarness();

describe('the route to a camera', () => {
  it('tells ffmpeg neither login, nor path, nor host', async () => {
    const { authority } = await camera();
    const route = await open(`rtsp://user:Zq7secret@${authority}/Zq7path?x=Zq7query`);
    expect(route.input).toMatch(/^rtsp:\/\/127\.0\.0\.1:\d+\/[0-9a-f]{24}$/u);
    expect(route.environment).toEqual({});
    expect(route.failure()).toBeNull();
  });

  it('has a secret of its own each time', async () => {
    const { authority } = await camera();
    const inputs = await Promise.all([1, 2, 3].map(async () => (await open(`rtsp://${authority}/`)).input.split('/').at(-1)));
    expect(new Set(inputs).size).toBe(3);
  });

  it.each([
    ['/stream1', '', '/stream1'],
    ['/stream1?channel=1&x=%20', '/trackID=1', '/stream1?channel=1&x=%20/trackID=1'],
    ['', '', ''],
    ['/', '/streamid=0', '//streamid=0'],
    ['/tür#1', '', '/t%C3%BCr#1'],
  ])('asks the camera for %s and what ffmpeg adds (%s)', async (path, added, asked) => {
    const door = await camera();
    const player = await client(await open(`rtsp://${door.authority}${path}`));
    expect(await player.ask('OPTIONS', `+${added}`, { CSeq: '77', Authorization: 'Basic made-by-ffmpeg' })).toMatchObject({ status: 200, headers: { cseq: '77', public: 'OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER' } });
    expect(door.requests).toMatchObject([{ method: 'OPTIONS', uri: `rtsp://${door.authority}${asked}`, headers: { cseq: '1', 'user-agent': 'Lavf' } }]);
    expect(door.requests[0]?.headers).not.toHaveProperty('authorization');
  });

  it('reaches a camera over TLS', async () => {
    const door = await camera(peaceful(), { tls: true });
    const player = await client(await open(`rtsps://${door.authority}/1`));
    expect(await player.ask('DESCRIBE')).toMatchObject({ status: 200 });
    expect(door.requests).toMatchObject([{ uri: `rtsps://${door.authority}/1` }]);
  });

  it('is not opened to where the policy does not let a source be', async () => {
    const trap = await canary();
    await expect(open(`rtsp://${trap.authority}/`)).rejects.toThrow(SourceNotAllowedError);
    expect(trap.hits).toBe(0);
  });

  it('says that nobody listens, and ends the connection', async () => {
    const route = await open(`rtsp://u:Zq7@127.0.0.1:${String(await freePort())}/`);
    const player = await client(route);
    expect(await player.ask('OPTIONS')).toMatchObject({ status: 503 });
    await player.ended();
    expect(route.failure()).toBeInstanceOf(SourceOpenError);
    expect(route.failure()).toMatchObject({ retryable: true, message: expect.stringMatching(/^rtsp:\/\/\*\*\*@127\.0\.0\.1:\d+\/: connection refused/u) as string });
  });
});

describe('the login', () => {
  it.each(['basic', 'digest'] as const)('is made for ffmpeg, which sees no challenge: %s', async (scheme) => {
    const password = `Zq7 :@/?#%"'ü\\`;
    const door = await camera(withLogin({ scheme, user: 'ad"min', password }));
    const route = await open(`rtsp://${encodeURIComponent('ad"min')}:${encodeURIComponent(password)}@${door.authority}/1`);
    const player = await client(route);
    for (const method of ['OPTIONS', 'DESCRIBE', 'SETUP', 'PLAY']) {
      const answer = await player.ask(method);
      expect(answer).toMatchObject({ status: 200 });
      expect(answer.text).not.toMatch(/authenticate/iu);
    }
    expect(route.failure()).toBeNull();
    // Only the first one is refused.
    expect(door.requests.map(({ method }) => method)).toEqual(['OPTIONS', 'OPTIONS', 'DESCRIBE', 'SETUP', 'PLAY']);
    player.close();
    expect(await (await client(route)).ask('DESCRIBE')).toMatchObject({ status: 200 });
    expect(door.requests).toHaveLength(6);
  });

  it.each(['basic', 'digest'] as const)('is tried once with a wrong password, for accounts are locked after a few: %s', async (scheme) => {
    const door = await camera(withLogin({ scheme, user: 'admin', password: 'right' }));
    const route = await open(`rtsp://admin:Zq7wrong@${door.authority}/1`);
    const answer = await (await client(route)).ask('DESCRIBE');
    expect(answer).toMatchObject({ status: 401 });
    expect(answer.text).not.toMatch(/authenticate|Zq7/iu);
    expect(door.requests).toHaveLength(2);
    expect(route.failure()).toBeInstanceOf(SourceUnauthorizedError);
    expect(route.failure()).toMatchObject({ code: 'source-unauthorized', retryable: true, message: `rtsp://***@${door.authority}/1: user or password refused (401)` });
  });

  it('is asked for where there is none', async () => {
    const door = await camera(withLogin({ scheme: 'digest', user: 'admin', password: 'right' }));
    const route = await open(`rtsp://${door.authority}/1`);
    expect(await (await client(route)).ask('DESCRIBE')).toMatchObject({ status: 401 });
    expect(door.requests).toHaveLength(1);
    expect(route.failure()).toBeInstanceOf(SourceUnauthorizedError);
  });

  it('follows a nonce that changes', async () => {
    let nonce = 0;
    const door = await camera(withLogin({ scheme: 'digest', user: 'admin', password: 'right', nonce: () => `n${String(nonce)}` }));
    const route = await open(`rtsp://admin:right@${door.authority}/1`);
    const player = await client(route);
    for (nonce = 1; nonce < 4; nonce += 1) expect(await player.ask('OPTIONS')).toMatchObject({ status: 200 });
    expect(door.requests).toHaveLength(6);
    expect(route.failure()).toBeNull();
  });

  it.each([[403, SourceUnauthorizedError, /access refused \(403\)/u], [404, SourceOpenError, /not found on the server \(404\)/u], [500, SourceOpenError, /answered with 500/u]])('and other refusals are told: %d', async (status, kind, words) => {
    const door = await camera(peaceful({ DESCRIBE: `${String(status)} No`, GET_PARAMETER: '451 Parameter Not Understood' }));
    const route = await open(`rtsp://${door.authority}/1`);
    const player = await client(route);
    expect(await player.ask('GET_PARAMETER')).toMatchObject({ status: 451 });
    expect(route.failure()).toBeNull();
    expect(await player.ask('DESCRIBE')).toMatchObject({ status });
    expect(route.failure()).toBeInstanceOf(kind);
    expect(route.failure()?.message).toMatch(words);
    door.script = peaceful();
    expect(await player.ask('DESCRIBE')).toMatchObject({ status: 200 });
    expect(route.failure()).toBeNull();
  });
});

describe('a stranger on this machine', () => {
  const knock = async (input: string, text: string): Promise<string> => {
    const { port } = new URL(input);
    let heard = '';
    const socket = connect({ host: '127.0.0.1', port: Number(port) });
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => { heard += chunk.toString('latin1'); });
    socket.write(text, 'latin1');
    await until(() => socket.destroyed || socket.readableEnded, { what: 'the door to be shut', timeoutMs: 5_000 });
    socket.destroy();
    return heard;
  };

  it.each([
    ['another path', 'DESCRIBE rtsp://127.0.0.1/stream RTSP/1.0\r\nCSeq: 1\r\n\r\n'],
    ['the camera itself', 'DESCRIBE rtsp://camera/ RTSP/1.0\r\nCSeq: 1\r\n\r\n'],
    ['the whole server', 'OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n'],
    ['a web page', 'GET / HTTP/1.0\r\nHost: camera\r\n\r\n'],
    ['nothing, with an answer', 'RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n'],
    ['nothing, with a packet', '$\0\0\u0004abcdOPTIONS rtsp://x/ RTSP/1.0\r\n\r\n'],
    ['nothing that makes sense', `${'\0'.repeat(70_000)}`],
  ])('who asks for %s without the secret is shut out, and the camera hears nothing', async (_name, text) => {
    const door = await camera(withLogin({ scheme: 'basic', user: 'admin', password: 'x' }));
    const route = await open(`rtsp://admin:x@${door.authority}/1`);
    const player = await client(route);
    expect(await player.ask('OPTIONS')).toMatchObject({ status: 200 });
    expect(await knock(route.input, text)).not.toMatch(/200 OK/u);
    expect(door.requests).toHaveLength(2);
    expect(door.rest).toEqual([]);
    expect(door.sockets).toHaveLength(1);
    expect(await player.ask('OPTIONS', '*')).toMatchObject({ status: 200 });
    expect(route.failure()).toBeNull();
  });
});
