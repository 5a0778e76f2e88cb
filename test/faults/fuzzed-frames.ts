import { clientFrame, PING } from '../viewers/support/client-frames.js';
import type { SeededRandom } from './seeded-random.js';

/** Some frames, right and wrong in any mix, with bytes changed here and there. */
export function fuzzedFrames(random: SeededRandom): Buffer {
  const frames = Array.from({ length: random.integer(1, 12) }, () => {
    const payload = random.pick([PING, Buffer.from('{"type":"subscribe","stream":"door"}'), Buffer.from('{"type":"ack","stream":"door","seq":9007199254740993}'), randomBytes(random, random.integer(0, 200)), Buffer.alloc(random.integer(0, 5000), 0x20)]);
    const firstByte = random.next() < 0.7 ? random.pick([0x81, 0x82, 0x01, 0x00, 0x80, 0x88, 0x89, 0x8a]) : random.integer(0, 255);
    const claimed = random.next() < 0.85 ? {} : { claimedBytes: random.pick([0, 125, 126, 65_535, 65_536, 2 ** 31, 2 ** 53]) };
    return clientFrame(firstByte, payload, { masked: random.next() < 0.9, ...claimed });
  });
  const bytes = Buffer.concat(frames);
  for (let change = random.next() < 0.5 ? random.integer(1, 5) : 0; change > 0; change -= 1) bytes[random.integer(0, bytes.length - 1)] = random.integer(0, 255);
  return bytes;
}

function randomBytes(random: SeededRandom, count: number): Buffer {
  return Buffer.from(Array.from({ length: count }, () => random.integer(0, 255)));
}
