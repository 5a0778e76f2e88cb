import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineSplitter } from '../../src/ffmpeg/line-splitter.js';

function split(chunks: readonly Buffer[]): string[] {
  const lines: string[] = [];
  const splitter = new LineSplitter((line) => lines.push(line));
  for (const chunk of chunks) splitter.push(chunk);
  splitter.end();
  return lines;
}

describe('LineSplitter', () => {
  it.each([
    [[''], []],
    [['a'], ['a']],
    [['a\n\nb\r\nc'], ['a', 'b', 'c']],
    [['frame=1\rframe=2\r'], ['frame=1', 'frame=2']],
  ])('%j → %j', (chunks, expected) => {
    expect(split(chunks.map((chunk) => Buffer.from(chunk)))).toEqual(expected);
  });

  it('gives the same lines however the bytes are cut, in the middle of a character too', () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[a-zäß€😀]{1,12}$/u)), fc.array(fc.nat({ max: 60 })), (lines, cuts) => {
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
        const places = [0, ...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length];
        expect(split(places.slice(1).map((end, index) => bytes.subarray(places[index], end)))).toEqual(lines);
      }),
    );
  });

  it('keeps at most 2 KB of a line that does not end', () => {
    const lines = split(Array.from({ length: 100 }, () => Buffer.alloc(10_000, 'x')));
    expect(lines).toHaveLength(1);
    expect(lines[0]?.length).toBeLessThan(20_000);
  });
});
