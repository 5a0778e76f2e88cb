import { describe, expect, it } from 'vitest';

import { classColour, classTextColour } from '../../src/core/class-colours.js';

/** Linear RGB as people with each deficiency see it (Machado, Oliveira, Fernandes 2009, severity 1). */
const SIGHTS = {
  usual: [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
  protanopia: [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
  deuteranopia: [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
  tritanopia: [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
} as const;

const PALETTE = [...new Set(Array.from({ length: 100 }, (_, id) => classColour(id)))];

describe('classColour', () => {
  it('is #rrggbb for any number and never changes', () => {
    for (const id of [0, 1, 13, 85, 90, 1e9, -1, -90, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(classColour(id)).toMatch(/^#[0-9a-f]{6}$/);
      expect(classColour(id)).toBe(classColour(id));
    }
  });

  it('tells apart what stands in one street: person, bicycle, car, bus, truck', () => {
    expect(new Set([1, 2, 3, 6, 8].map(classColour)).size).toBe(5);
  });

  it('tells apart the demo: traffic light, stop sign, clock', () => {
    expect(new Set([10, 13, 85].map(classColour)).size).toBe(3);
  });

  it.each(Object.entries(SIGHTS))('keeps every two colours apart with %s sight', (_name, matrix) => {
    expect(PALETTE).toHaveLength(8);
    for (const [index, one] of PALETTE.entries()) {
      for (const other of PALETTE.slice(index + 1)) expect(distance(seen(one, matrix), seen(other, matrix)), `${one} ${other}`).toBeGreaterThan(16);
    }
  });
});

describe('classTextColour', () => {
  it('contrasts with its ground by at least 4.5', () => {
    for (let id = 0; id < 8; id += 1) {
      const [light, dark] = [luminance(classColour(id)), luminance(classTextColour(id))].sort((a, b) => b - a) as [number, number];
      expect((light + 0.05) / (dark + 0.05)).toBeGreaterThanOrEqual(4.5);
    }
  });
});

type Triple = readonly [number, number, number];

function linear(colour: string): Triple {
  return [1, 3, 5].map((at) => {
    const channel = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  }) as unknown as Triple;
}

function luminance(colour: string): number {
  const [r, g, b] = linear(colour);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** CIE L*a*b* (D65) of a colour through someone's eyes. */
function seen(colour: string, matrix: readonly Triple[]): Triple {
  const source = linear(colour);
  const [r, g, b] = matrix.map((row) => Math.min(1, Math.max(0, row[0] * source[0] + row[1] * source[1] + row[2] * source[2]))) as unknown as Triple;
  const f = (t: number): number => (t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116);
  const [x, y, z] = [f((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505), f(0.2126 * r + 0.7152 * g + 0.0722 * b), f((0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089)];
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

function distance(a: Triple, b: Triple): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}
