import { describe, expect, it } from 'vitest';
import { MessageMemory } from '../../src/serving/message-memory.js';

const MIB = 1024 * 1024;

describe('MessageMemory', () => {
  it('gives memory again that came back, and never the same twice', () => {
    const memory = new MessageMemory();
    const first = memory.take(MIB);
    const second = memory.take(MIB);
    expect(second).not.toBe(first);
    memory.give(first);
    expect(memory.take(MIB)).toBe(first);
    expect(memory.take(MIB)).not.toBe(first);
  });

  it('gives none that is too small or far too large', () => {
    const memory = new MessageMemory();
    const held = memory.take(MIB);
    memory.give(held);
    expect(memory.take(MIB + 1)).not.toBe(held);
    expect(memory.take(MIB / 2 - 1)).not.toBe(held);
    expect(memory.take(MIB / 2)).toBe(held);
  });

  it('keeps a bounded amount', () => {
    const memory = new MessageMemory();
    const held = Array.from({ length: 20 }, () => memory.take(20 * MIB));
    for (const each of held) memory.give(each);
    const again = held.map(() => memory.take(20 * MIB));
    expect(again.filter((each) => held.includes(each))).toHaveLength(3);
  });

  it('begins where typed arrays of any element can', () => {
    const { byteOffset } = new MessageMemory().take(100);
    expect(byteOffset % 8).toBe(0);
  });
});
