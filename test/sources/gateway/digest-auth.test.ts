import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { digestAuthorization, parseChallenges, UpstreamLogin, type Challenge, type DigestFacts } from '../../../src/sources/gateway/digest-auth.js';

const challenge = (header: string): Challenge => {
  const [first] = parseChallenges(header);
  if (first === undefined) throw new Error(`no challenge in ${header}`);
  return first;
};
/** Parameters of an `Authorization` header by name. */
const parametersOf = (header: string | null): Record<string, string> => Object.fromEntries(parseChallenges(header ?? '')[0]?.parameters ?? []);
const md5 = (text: string): string => createHash('md5').update(text).digest('hex');

const RFC_2617 = 'Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"';
const RFC_7616 = (algorithm: string): string => `Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=${algorithm}, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`;
const mufasa = { user: 'Mufasa', method: 'GET', uri: '/dir/index.html', nonceCount: 1 };
const RFC_7616_NONCE = 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ';

describe('digestAuthorization', () => {
  it.each<[string, string, DigestFacts, string]>([
    ['RFC 2069, with its erratum', 'Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"', { ...mufasa, password: 'CircleOfLife', clientNonce: '' }, '1949323746fe6a43ef61f9606e7febea'],
    ['RFC 2617', RFC_2617, { ...mufasa, password: 'Circle Of Life', clientNonce: '0a4f113b' }, '6629fae49393a05397450978507c4ef1'],
    ['RFC 7616, MD5', RFC_7616('MD5'), { ...mufasa, password: 'Circle of Life', clientNonce: RFC_7616_NONCE }, '8ca523f5e9506fed4657c9700eebdbec'],
    ['RFC 7616, SHA-256', RFC_7616('SHA-256'), { ...mufasa, password: 'Circle of Life', clientNonce: RFC_7616_NONCE }, '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1'],
    [
      'RFC 7616, SHA-512/256, a name beyond ASCII, with its erratum 4897',
      'Digest realm="api@example.org", qop="auth", algorithm=SHA-512-256, nonce="5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", charset=UTF-8',
      { user: 'Jäsøn Doe', password: 'Secret, or not?', method: 'GET', uri: '/doe.json', nonceCount: 1, clientNonce: 'NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v' },
      '3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5',
    ],
  ])('answers as in %s', (_name, header, facts, response) => {
    expect(parametersOf(digestAuthorization(challenge(header), facts))['response']).toBe(response);
  });

  it('writes what the server needs to check it, and no more', () => {
    expect(digestAuthorization(challenge(RFC_2617), { ...mufasa, password: 'Circle Of Life', nonceCount: 255, clientNonce: '0a4f113b' })).toMatch(
      /^Digest username="Mufasa", realm="testrealm@host\.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", uri="\/dir\/index\.html", response="[0-9a-f]{32}", opaque="5ccc069c403ebaf9f0171e9517f40e41", qop=auth, nc=000000ff, cnonce="0a4f113b"$/u,
    );
    expect(digestAuthorization(challenge('Digest realm="r", nonce="n", algorithm=MD5'), { ...mufasa, password: 'x', clientNonce: 'c' })).toMatch(/^Digest username="Mufasa", realm="r", nonce="n", uri="\/dir\/index\.html", response="[0-9a-f]{32}", algorithm=MD5$/u);
  });

  it('makes a key of the session where the algorithm says so', () => {
    const answer = parametersOf(digestAuthorization(challenge('Digest realm="r", nonce="n", algorithm=md5-SESS, qop=auth'), { ...mufasa, password: 'x', clientNonce: 'c' }));
    const key = md5(`${md5('Mufasa:r:x')}:n:c`);
    expect(answer).toMatchObject({ algorithm: 'md5-SESS', cnonce: 'c', response: md5(`${key}:n:00000001:c:auth:${md5('GET:/dir/index.html')}`) });
  });

  it('hashes a name and a realm beyond ASCII as the bytes that go over the wire', () => {
    const realm = 'Überwachung';
    const answer = parametersOf(digestAuthorization(challenge(`Digest realm="${Buffer.from(realm).toString('latin1')}", nonce="n"`), { ...mufasa, user: 'łukasz', password: 'pässwört', clientNonce: '' }));
    expect(Buffer.from(answer['username'] ?? '', 'latin1').toString()).toBe('łukasz');
    expect(Buffer.from(answer['realm'] ?? '', 'latin1').toString()).toBe(realm);
    expect(answer['response']).toBe(md5(`${md5(`łukasz:${realm}:pässwört`)}:n:${md5('GET:/dir/index.html')}`));
  });

  it('escapes quotes and backslashes', () => {
    expect(parametersOf(digestAuthorization(challenge('Digest realm="a \\"b\\" \\\\", nonce="n"'), { ...mufasa, user: 'a"\\b', password: 'x', clientNonce: '' }))).toMatchObject({ username: 'a"\\b', realm: 'a "b" \\', response: md5(`${md5('a"\\b:a "b" \\:x')}:n:${md5('GET:/dir/index.html')}`) });
  });

  it.each(['Digest realm="r"', 'Digest nonce="n", algorithm=SHA-1', 'Digest nonce="n", algorithm=MD4-sess', 'Digest nonce="n", qop="auth-int"', 'Digest nonce="n", algorithm=""'])('knows no answer to %s', (header) => {
    expect(digestAuthorization(challenge(header), { ...mufasa, password: 'x', clientNonce: 'c' })).toBeNull();
  });

  it('never throws, and writes no line break that was not in the challenge', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary-ascii' }), fc.dictionary(fc.constantFrom('realm', 'nonce', 'qop', 'algorithm', 'opaque', 'stale'), fc.stringMatching(/^[^\r\n]{0,20}$/u)), (user, parameters) => {
      const header = digestAuthorization({ scheme: 'digest', parameters: new Map(Object.entries({ nonce: 'n', ...parameters })) }, { ...mufasa, user: user.replace(/\p{Cc}/gu, ''), password: user, clientNonce: 'c' });
      expect(header ?? '').not.toMatch(/[\r\n]/u);
    }));
  });
});

describe('parseChallenges', () => {
  it.each([
    ['', []],
    [',', []],
    ['realm="r"', []],
    ['Basic', [['basic', {}]]],
    ['Basic realm="a, b"', [['basic', { realm: 'a, b' }]]],
    ['DIGEST REALM = "r" , Nonce=abc,stale=TRUE', [['digest', { realm: 'r', nonce: 'abc', stale: 'TRUE' }]]],
    ['Digest realm="a", nonce="1", Basic realm="b", Digest realm="c"', [['digest', { realm: 'a', nonce: '1' }], ['basic', { realm: 'b' }], ['digest', { realm: 'c' }]]],
    ['Digest realm="a \\"b\\" \\\\", nonce=""', [['digest', { realm: 'a "b" \\', nonce: '' }]]],
    ['Negotiate, Basic realm="x"', [['negotiate', {}], ['basic', { realm: 'x' }]]],
    ['Digest qop="auth,auth-int", realm="unfinished', [['digest', { qop: 'auth,auth-int', realm: '' }], ['unfinished', {}]]],
  ])('reads %j', (header, expected) => {
    expect(parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)])).toEqual(expected);
  });

  it('never throws, and takes time in proportion to the text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => { parseChallenges(text); }));
    fc.assert(fc.property(fc.stringMatching(/^[a=" ,\\]{0,200}$/u), (text) => { parseChallenges(text); }));
    const startMs = performance.now();
    for (const piece of ['a="', 'a ', 'a=" \\', '\\"', 'a=\\"', '=', ',', ' ']) parseChallenges(piece.repeat(32_768));
    expect(performance.now() - startMs).toBeLessThan(2_000);
  });
});

describe('UpstreamLogin', () => {
  const credentials = { user: 'admin', password: 'pässwört' };

  it('is silent until it is asked', () => {
    expect(new UpstreamLogin(credentials).authorization('GET', '/')).toBeNull();
  });

  it('has no answer without credentials', () => {
    const login = new UpstreamLogin(null);
    expect(login.accept(['Basic realm="r"', RFC_2617], 0)).toBe(false);
    expect(login.authorization('GET', '/')).toBeNull();
  });

  it('answers a basic challenge with UTF-8', () => {
    const login = new UpstreamLogin(credentials);
    expect(login.accept(['Basic realm="r"'], 0)).toBe(true);
    expect(login.authorization('GET', '/')).toBe(`Basic ${Buffer.from('admin:pässwört').toString('base64')}`);
  });

  it.each([
    [['Basic realm="r"', 'Digest nonce="n"'], /^Digest/u],
    [['Digest nonce="n", Basic realm="r"'], /^Digest/u],
    [['Digest nonce="m"', 'Digest nonce="s", algorithm=SHA-256'], /nonce="s"/u],
    [['Digest nonce="5", algorithm=SHA-512-256, Digest nonce="2", algorithm=SHA-256-sess, qop=auth'], /nonce="2"/u],
    [['Digest nonce="n", algorithm=SHA-1', 'Basic realm="r"'], /^Basic/u],
    [['Digest nonce="i", qop="auth-int"', 'Digest nonce="a", qop="auth-int,auth"'], /nonce="a"/u],
  ])('takes the best of %j', (headers, answer) => {
    const login = new UpstreamLogin(credentials);
    expect(login.accept(headers, 0)).toBe(true);
    expect(login.authorization('GET', '/')).toMatch(answer);
  });

  it.each([[[]], [['Bearer realm="r"']], [['Digest realm="without a nonce"']], [['Negotiate', 'nonsense']]])('gives up when it is asked for %j', (headers) => {
    expect(new UpstreamLogin(credentials).accept(headers, 0)).toBe(false);
  });

  it('counts the uses of a nonce, and keeps its own for as long as the challenge holds', () => {
    const login = new UpstreamLogin(credentials);
    login.accept([RFC_7616('MD5-sess')], 0);
    const answers = [1, 2, 3].map(() => parametersOf(login.authorization('GET', '/')));
    expect(answers.map(({ nc }) => nc)).toEqual(['00000001', '00000002', '00000003']);
    expect(new Set(answers.map(({ cnonce }) => cnonce)).size).toBe(1);
    expect(answers[0]?.['cnonce']).toMatch(/^[0-9a-f]{32}$/u);
    login.accept(['Digest realm="r", nonce="newer", qop=auth'], 0);
    expect(parametersOf(login.authorization('GET', '/'))).toMatchObject({ nonce: 'newer', nc: '00000001' });
    expect(parametersOf(login.authorization('GET', '/'))['cnonce']).not.toBe(answers[0]?.['cnonce']);
  });

  it('tries a refused password once only, and a stale nonce a few times', () => {
    const login = new UpstreamLogin(credentials);
    expect(login.accept([RFC_2617], 0)).toBe(true);
    expect(login.accept([RFC_2617], 1)).toBe(false);
    const stale = `${RFC_2617}, stale=true`;
    expect([1, 2, 3, 4].map((answered) => login.accept([stale], answered))).toEqual([true, true, false, false]);
    expect(login.accept(['Basic realm="r"'], 1)).toBe(false);
  });
});
