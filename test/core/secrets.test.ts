import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SecretRegistry } from '../../src/core/secrets.js';
import { createLogger } from '../../src/telemetry/logger.js';

/** Lines tried in all. */
const LINES = 100_000;
/** Around every secret, so that a piece of one is recognised however little of it gets out. */
const MARK = 'Zq7';

/** Characters that URLs, JSON, HTML, forms and regular expressions treat in their own ways. */
const odd = fc.constantFrom(...'abcXYZ019.@:/?#%&=+ "\'\\<>|*$^()[]{}~`!;,-_äß€😀', '%40', '%2F', '\\u0041');
const password = fc.array(odd, { minLength: 1, maxLength: 12 }).map((parts) => `${MARK}${parts.join('')}${MARK}`);

const encoded = (text: string): string => [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
const lenient = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a lone % is part of it
  }
};

/** Ways in which programs, headers and pages write what they were given. */
const spellings: readonly ((text: string) => string)[] = [
  (text) => text,
  lenient,
  encodeURIComponent,
  encodeURI,
  encoded,
  (text) => encoded(text).toUpperCase(),
  (text) => [...text].map((character, index) => (index % 2 === 0 ? character : encoded(character))).join(''),
  (text) => new URLSearchParams({ x: text }).toString().slice(2),
  (text) => JSON.stringify(text).slice(1, -1),
  (text) => JSON.stringify(JSON.stringify(text)).slice(3, -3),
  (text) => JSON.stringify(text).slice(1, -1).replace(/[^ -~]/gu, (character) => character.split('').map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')),
  (text) => text.replace(/[&<>"']/gu, (character) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' })[character] ?? character),
  (text) => lenient(text).normalize('NFD'),
];

const around: readonly ((secret: string) => string)[] = [
  (secret) => secret,
  (secret) => `[rtsp @ 0x55d0] method DESCRIBE failed: 401 Unauthorized, password was ${secret}`,
  (secret) => `rtsp://admin:${secret}@camera:554/stream1: Invalid data found when processing input`,
  (secret) => `Failed to open 'http://admin:${secret}@10.0.0.1/live.m3u8'. Did you mean file:http://admin:${secret}@10.0.0.1/live.m3u8?`,
  (secret) => `{"msg":"source failed","err":{"message":"${secret}","cause":{"stack":"Error: ${secret}\\n at x"}}}`,
  (secret) => `sightline_frames_total{stream="${secret}"} 1`,
  (secret) => `-i rtsp://a:${secret}@b/c -f rawvideo ${secret}`,
];

describe('SecretRegistry', () => {
  it('lets no secret out, in whatever spelling it comes', () => {
    let lines = 0;
    fc.assert(
      fc.property(password, fc.array(password, { maxLength: 3 }), (secret, others) => {
        const registry = new SecretRegistry();
        // As a user may write it: as it is, or percent-encoded.
        registry.register(`rtsp://admin:${encodeURIComponent(secret)}@camera/stream1`);
        registry.register(`rtsp://admin:${secret}@camera/stream1`);
        for (const other of others) registry.register(`https://camera/live?token=${encodeURIComponent(other)}`);
        for (const spell of spellings) {
          for (const wrap of around) {
            lines += 1;
            expect(registry.redact(wrap(spell(secret)))).not.toContain(MARK);
          }
        }
        expect(registry.redact(`Authorization: Basic ${Buffer.from(`admin:${lenient(secret)}`).toString('base64')}`)).toBe('Authorization: Basic ***');
      }),
      { numRuns: Math.ceil(LINES / (spellings.length * around.length)), seed: 20261124 },
    );
    expect(lines).toBeGreaterThanOrEqual(LINES);
  }, 60_000);

  it('leaves ordinary text as it is', () => {
    const registry = new SecretRegistry();
    registry.register('rtsp://admin:Zq7secretZq7@camera/stream1');
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }).filter((text) => !text.includes('://') && !text.includes('Zq7')), (text) => {
      expect(registry.redact(text)).toBe(text);
    }), { numRuns: 2000 });
    expect(registry.redact('http://127.0.0.1:8080/: 25 fps at rtsp://camera:554/stream1, see https://example.com/a?b=c')).toBe('http://127.0.0.1:8080/: 25 fps at rtsp://camera:554/stream1, see https://example.com/a?b=c');
  });

  it('hides what was cut off in the middle of a login', () => {
    const registry = new SecretRegistry();
    expect(registry.redact('cannot open rtsp://admin:Zq7sec')).toBe('cannot open rtsp://***');
  });

  it('takes time in proportion to the text', () => {
    const registry = new SecretRegistry();
    for (let n = 0; n < 40; n += 1) registry.register(`rtsp://admin:\\\\"'${'a'.repeat(20)}${String(n)}@camera/s`);
    const timeOf = (size: number): number => {
      const startMs = performance.now();
      registry.redact(`${'\\'.repeat(size)}${'a'.repeat(size)} rtsp://${'a:'.repeat(4 * size)}`);
      return performance.now() - startMs;
    };
    timeOf(1000);
    const small = Math.min(timeOf(1000), timeOf(1000), timeOf(1000));
    // Sixteen times the text: 16 in proportion, 256 by the square.
    expect(Math.min(timeOf(16_000), timeOf(16_000)) / small).toBeLessThan(64);
  });

  it('keeps a secret as long as one of its users does', () => {
    const registry = new SecretRegistry();
    const forget = registry.register('rtsp://a:Zq7xyz@b/c');
    registry.register('rtsp://a:Zq7xyz@b/d');
    forget();
    forget();
    expect(registry.redact('Zq7xyz')).toBe('***');
  });
});

describe('the log', () => {
  it('holds no secret, however deep, and stays JSON', () => {
    const registry = new SecretRegistry();
    const secret = `${MARK}"\\<key=x>${MARK}`;
    registry.register(`rtsp://admin:${encodeURIComponent(secret)}@camera/s`);
    const lines: string[] = [];
    const log = createLogger({ level: 'info', format: 'json', redact: registry.redact, destination: { write: (line: string) => lines.push(line) } as unknown as NodeJS.WritableStream });
    const error = new Error(`cannot open rtsp://admin:${secret}@camera/s`, { cause: new Error(secret) });
    log.error({ err: error, deep: [{ list: [secret] }], [secret]: 1 }, `failed: ${secret}`);
    log.child({ source: secret }).info('child');
    expect(lines.join('')).not.toContain(MARK);
    expect(lines.map((line) => (JSON.parse(line) as { level: number }).level)).toEqual([50, 30]);
    const pretty: string[] = [];
    createLogger({ level: 'info', format: 'pretty', redact: registry.redact, destination: { write: (line: string) => pretty.push(line) } as unknown as NodeJS.WritableStream }).error({ err: error }, secret);
    expect(pretty.join('')).toContain('cannot open');
    expect(pretty.join('')).not.toContain(MARK);
  });
});
