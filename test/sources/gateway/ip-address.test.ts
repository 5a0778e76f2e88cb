import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseAuthority } from '../../../src/core/source-kind.js';
import { blocks, embeddedIpv4, isIn, parseAddress, parseBlock, unmapped } from '../../../src/sources/gateway/ip-address.js';
import { disguisesOf, dotted, ipv4Value, ipv6Spellings, ipv6Value, longIpv6, oddIpv4Spellings } from './addresses.js';

const v4 = (value: number): unknown => ({ version: 4, value: BigInt(value) });
const v6 = (value: bigint): unknown => ({ version: 6, value });

describe('parseAddress', () => {
  it.each([
    ['0.0.0.0', v4(0)],
    ['255.255.255.255', v4(0xffff_ffff)],
    ['10.1.2.3', v4(0x0a01_0203)],
    ['::', v6(0n)],
    ['::1', v6(1n)],
    ['ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', v6((1n << 128n) - 1n)],
    ['1::', v6(1n << 112n)],
    ['fe80::1%eth0', v6((0xfe80n << 112n) | 1n)],
    ['::ffff:10.1.2.3', v6(0xffff_0a01_0203n)],
    ['64:ff9b::10.1.2.3', v6((0x64n << 112n) | (0xff9bn << 96n) | 0x0a01_0203n)],
  ])('reads %s', (text, expected) => {
    expect(parseAddress(text)).toEqual(expected);
  });

  it.each(['', ' ', 'localhost', '127.1', '0x7f.0.0.1', '0177.0.0.1', '2130706433', '1.2.3', '1.2.3.4.5', '256.0.0.1', '1.2.3.4 ', '[::1]', ':::', '1:2:3:4:5:6:7', '::g', '::1/128', '10.0.0.1\0', '１.2.3.4'])('takes %j for no address', (text) => {
    expect(parseAddress(text)).toBeNull();
  });

  it('reads every spelling of an address as the same', () => {
    fc.assert(fc.property(ipv6Value, (value) => {
      for (const spelling of ipv6Spellings(value)) expect([spelling, parseAddress(spelling)]).toEqual([spelling, v6(value)]);
    }));
    fc.assert(fc.property(ipv4Value, (value) => { expect(parseAddress(dotted(value))).toEqual(v4(value)); }));
  });

  it('reads every spelling of a host, once it is canonical, as the same', () => {
    fc.assert(fc.property(ipv4Value, (value) => {
      for (const spelling of oddIpv4Spellings(value)) expect([spelling, parseAuthority(spelling)?.host]).toEqual([spelling, dotted(value)]);
    }));
    fc.assert(fc.property(ipv6Value, (value) => {
      for (const spelling of ipv6Spellings(value).filter((text) => !text.includes('%'))) expect(parseAddress(parseAuthority(`[${spelling}]`)?.host ?? '')).toEqual(v6(value));
    }));
  });

  it('never throws', () => {
    fc.assert(fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^[0-9a-f:.%]{0,50}$/u)), (text) => {
      parseAddress(text);
      parseBlock(text);
    }));
  });
});

describe('parseBlock', () => {
  it.each(['', '10.0.0.0', '/8', '10.0.0.0/', '10.0.0.0/33', '10.0.0.0/-1', '10.0.0.0/8/8', '::/129', '::1/0128', 'private', '10.0.0/8', '10.0.0.0/ 8'])('takes %j for no block', (text) => {
    expect(parseBlock(text)).toBeNull();
  });

  it.each([
    ['10.0.0.0/8', '10.255.255.255', true],
    ['10.9.9.9/8', '10.0.0.0', true],
    ['10.0.0.0/8', '11.0.0.0', false],
    ['10.0.0.0/8', '9.255.255.255', false],
    ['0.0.0.0/0', '255.255.255.255', true],
    ['0.0.0.0/0', '::1', false],
    ['::/0', '10.0.0.1', false],
    ['127.0.0.2/32', '127.0.0.2', true],
    ['127.0.0.2/32', '127.0.0.3', false],
    ['fc00::/7', 'fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', true],
    ['fc00::/7', 'fe00::', false],
  ])('%s holds %s: %s', (block, address, expected) => {
    const parsed = parseAddress(address);
    expect(parsed !== null && isIn(parsed, blocks(block))).toBe(expected);
  });

  it('holds an address exactly when its first bits are the same', () => {
    fc.assert(fc.property(ipv6Value, ipv6Value, fc.integer({ min: 0, max: 128 }), (base, value, bits) => {
      const binary = (number: bigint): string => number.toString(2).padStart(128, '0').slice(0, bits);
      expect(isIn({ version: 6, value }, blocks(`${longIpv6(base)}/${String(bits)}`))).toBe(binary(base) === binary(value));
    }));
  });

  it('is a mistake of the program when it is none', () => {
    expect(() => blocks('10.0.0.0/8', 'x')).toThrow(TypeError);
  });
});

describe('embeddedIpv4', () => {
  it.each(['10.0.0.1', '::', '::1', 'fe80::a00:1', '2001:db8::a00:1', 'fd00::a00:1', '64:ff9c::a00:1', '2003:a00:1::'])('finds none in %s', (text) => {
    const parsed = parseAddress(text);
    expect(parsed === null ? 'no address' : embeddedIpv4(parsed)).toBeNull();
  });

  it('finds the address in each of its disguises', () => {
    fc.assert(fc.property(ipv4Value.filter((value) => value > 1), (value) => {
      for (const text of [...disguisesOf(value), `::${dotted(value)}`]) {
        const parsed = parseAddress(text);
        expect([text, parsed === null ? null : embeddedIpv4(parsed)]).toEqual([text, v4(value)]);
      }
    }));
  });
});

describe('unmapped', () => {
  it('makes an IPv4 address of a mapped one, and leaves all others', () => {
    const of = (text: string): unknown => {
      const parsed = parseAddress(text);
      return parsed === null ? null : unmapped(parsed);
    };
    expect([of('::ffff:10.0.0.1'), of('10.0.0.1'), of('64:ff9b::a00:1')]).toEqual([v4(0x0a00_0001), v4(0x0a00_0001), parseAddress('64:ff9b::a00:1')]);
  });
});
