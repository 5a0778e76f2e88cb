import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changesOf, definitionOf, idFrom, testText, THRESHOLD_FIELD, valuesOf } from '../../web/src/model/stream-form.js';

const FIELDS = ['source', 'name', 'id', 'fps', THRESHOLD_FIELD, 'mode', 'transport', 'widthPx', 'timeoutMs', 'loop'];

describe('definitionOf', () => {
  it('leaves out what is empty, and makes numbers and flags of text', () => {
    const values = { source: 'rtsp://cam/1', name: '', id: 'door', fps: '2,5', [THRESHOLD_FIELD]: '0.6', mode: '', widthPx: '640', loop: 'true' };
    expect(definitionOf(values)).toEqual({ source: 'rtsp://cam/1', id: 'door', fps: 2.5, thresholds: { '*': 0.6 }, widthPx: 640, loop: true });
  });

  it('leaves it to the server to say what a number is', () => {
    expect(definitionOf({ fps: 'many', [THRESHOLD_FIELD]: 'high' })).toEqual({ fps: 'many', thresholds: { '*': 'high' } });
  });
});

describe('changesOf', () => {
  const before = { id: 'door', name: 'Door', source: 'rtsp://***@cam/1', fps: 5, thresholds: { '*': 0.5, person: 0.6 }, loop: true };
  const shown = valuesOf(before, FIELDS);

  it('is nothing when nothing was changed, a redacted source included', () => {
    expect(changesOf(before, shown)).toEqual({});
  });

  it('holds what is another now, and null for what is to be the default again', () => {
    expect(changesOf(before, { ...shown, name: '', fps: '10', transport: 'udp', loop: '' })).toEqual({ name: null, fps: 10, transport: 'udp', loop: null });
  });

  it('keeps the scores of single classes', () => {
    expect(changesOf(before, { ...shown, [THRESHOLD_FIELD]: '0.7' })).toEqual({ thresholds: { '*': 0.7, person: 0.6 } });
    expect(changesOf(before, { ...shown, [THRESHOLD_FIELD]: '' })).toEqual({ thresholds: { person: 0.6 } });
    expect(changesOf({ thresholds: { '*': 0.5 } }, { [THRESHOLD_FIELD]: '' })).toEqual({ thresholds: null });
  });

  it('is undone by what the form showed before, whatever was typed', () => {
    const typed = fc.dictionary(fc.constantFrom('name', 'fps', 'transport', 'widthPx'), fc.constantFrom('', '1', '2.5', 'udp', 'x'));
    fc.assert(fc.property(typed, (others) => {
      const changes = changesOf(before, { ...shown, ...others });
      const after = Object.fromEntries((Object.entries({ ...before, ...changes }) as [string, unknown][]).filter(([, value]) => value !== null));
      expect(valuesOf(after, FIELDS)).toEqual({ ...shown, ...others });
    }));
  });
});

describe('idFrom', () => {
  it.each([
    ['Front door', '', 'front-door'],
    ['Été  №1 — Ça va?', '', 'ete-no1-ca-va'],
    ['', 'rtsp://user:secret@10.0.0.7:554/yard/stream1?profile=2', 'stream1'],
    ['', '/videos/Clip 03.mp4', 'clip-03'],
    ['', 'demo:street', 'street'],
    ['…', 'x', ''],
  ])('of the name %j and the source %j is %j', (name, source, id) => {
    expect(idFrom(name, source)).toBe(id);
  });

  it('is empty or an id, whatever the name', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), fc.webUrl(), (name, source) => {
      expect(idFrom(name, source)).toMatch(/^[A-Za-z0-9_-]{0,64}$/);
    }));
  });
});

describe('testText', () => {
  it('says what opened, leaving out what is not known', () => {
    expect(testText({ ok: true, mode: 'live', widthPx: 1280, heightPx: 720, declaredFps: 25, durationMs: null, codec: 'h264' })).toBe('It opens · 1280 × 720 · 25 fps · h264 · live');
    expect(testText({ ok: true, mode: 'replay', widthPx: null, heightPx: null, declaredFps: null, durationMs: 62_000, codec: null })).toBe('It opens · 1:02 · a recording');
  });

  it('says why it did not open, in the words of the server', () => {
    expect(testText({ ok: false, code: 'source-open', message: 'The camera does not answer' })).toBe('The camera does not answer');
  });
});
