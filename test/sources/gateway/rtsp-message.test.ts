import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseHead, requestOf, serializeMessage, statusOf, valuesOf, withHeaders } from '../../../src/sources/gateway/rtsp-message.js';

describe('parseHead', () => {
  it.each<[string, string, (readonly [string, string])[]]>([
    ['', '', []],
    ['RTSP/1.0 200 OK', 'RTSP/1.0 200 OK', []],
    ['RTSP/1.0 200 OK\r\nCSeq: 1\r\nSession:abc;timeout=60', 'RTSP/1.0 200 OK', [['CSeq', '1'], ['Session', 'abc;timeout=60']]],
    ['OPTIONS * RTSP/1.0 \nCSeq :  1 \nX:', 'OPTIONS * RTSP/1.0', [['CSeq', '1'], ['X', '']]],
    ['A\r\nX: 1\r\n\t 2\r\n  3', 'A', [['X', '1 2 3']]],
    ['A\r\n folded into nothing\r\nno header\r\n: no name\r\nX: rtsp://h:1/a:b', 'A', [['X', 'rtsp://h:1/a:b']]],
    ['A\r\nX: 1\r\nx: 2', 'A', [['X', '1'], ['x', '2']]],
  ])('reads %j', (text, startLine, headers) => {
    expect(parseHead(text)).toEqual({ startLine, headers });
  });

  it('never throws', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => { parseHead(text); }));
  });
});

describe('serializeMessage', () => {
  it('writes a message whose length fits its body, whatever it said before', () => {
    const headers = [['CSeq', '2'], ['content-length', '99'], ['Content-Length', '1']] as const;
    expect(serializeMessage({ startLine: 'RTSP/1.0 200 OK', headers, body: Buffer.from('\u00ff\u0000', 'latin1') }).toString('latin1')).toBe('RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Length: 2\r\n\r\n\u00ff\u0000');
    expect(serializeMessage({ startLine: 'RTSP/1.0 200 OK', headers, body: Buffer.alloc(0) }).toString('latin1')).toBe('RTSP/1.0 200 OK\r\nCSeq: 2\r\n\r\n');
  });
});

describe('valuesOf', () => {
  it('finds all values, whatever the case of the name', () => {
    const { headers } = parseHead('A\r\nWWW-Authenticate: Basic\r\nwww-authenticate: Digest\r\nX: 1');
    expect([valuesOf({ headers }, 'www-authenticate'), valuesOf({ headers }, 'y')]).toEqual([['Basic', 'Digest'], []]);
  });
});

describe('withHeaders', () => {
  const headers = [['CSeq', '1'], ['X', 'a'], ['x', 'b'], ['Session', 's']] as const;

  it.each<[Record<string, string | null>, (readonly [string, string])[]]>([
    [{}, [['CSeq', '1'], ['X', 'a'], ['x', 'b'], ['Session', 's']]],
    [{ x: null, y: null }, [['CSeq', '1'], ['Session', 's']]],
    [{ x: 'c', cseq: '7' }, [['CSeq', '7'], ['X', 'c'], ['Session', 's']]],
    [{ authorization: 'Basic', 'www-x': '1' }, [['CSeq', '1'], ['X', 'a'], ['x', 'b'], ['Session', 's'], ['Authorization', 'Basic'], ['Www-X', '1']]],
  ])('with %j', (changes, expected) => {
    expect(withHeaders(headers, changes)).toEqual(expected);
    expect(withHeaders([], { cseq: '7' })).toEqual([['CSeq', '7']]);
  });

  it.each(['constructor', '__proto__', 'toString'])('leaves a header named %s as it is', (name) => {
    expect(withHeaders([[name, 'a']], { cseq: '1' })).toEqual([[name, 'a'], ['CSeq', '1']]);
  });
});

describe('statusOf and requestOf', () => {
  it.each([
    ['RTSP/1.0 200 OK', 200, null],
    ['rtsp/1.0  404', 404, null],
    ['RTSP/2.0 099 ', 99, null],
    ['RTSP/1.0 2000 OK', null, null],
    ['RTSP/1.0 OK', null, null],
    ['DESCRIBE rtsp://h/1 RTSP/1.0', null, { method: 'DESCRIBE', uri: 'rtsp://h/1' }],
    ['GET_PARAMETER  *  RTSP/1.0', null, { method: 'GET_PARAMETER', uri: '*' }],
    ['describe rtsp://h/1 RTSP/1.0', null, null],
    ['GET / HTTP/1.0', null, null],
    ['DESCRIBE rtsp://h/a b RTSP/1.0', null, null],
    ['', null, null],
  ])('read %j', (startLine, status, request) => {
    expect([statusOf({ startLine }), requestOf({ startLine })]).toEqual([status, request]);
  });
});
