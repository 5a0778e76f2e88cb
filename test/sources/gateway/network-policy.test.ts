import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { classOf, describeNetworks, isAllowed, type AddressClass, type NetworkPolicy } from '../../../src/sources/gateway/network-policy.js';
import { disguisesOf, dotted, ipv4Value, ipv6Spellings, ipv6Value, longIpv6 } from './addresses.js';

const networks = (...names: readonly string[]): NetworkPolicy => ({ kind: 'networks', networks: names });
const CONFIGURED: NetworkPolicy = { kind: 'configured' };
/** As open as a policy of networks can be. */
const ALL = networks('private', 'public', 'loopback', '0.0.0.0/0', '::/0');

const METADATA_V4 = ['169.254.169.254', '169.254.170.2', '169.254.170.23', '169.254.0.23', '169.254.42.42', '100.100.100.200', '192.0.0.192', '168.63.129.16'];
const METADATA_V6 = ['fd00:ec2::254', 'fd00:ec2::23', 'fd20:ce::254', 'fd00:c1::a9fe:a9fe', 'fd00:42::42', 'fe80::a9fe:a9fe'];
const valueOf = (address: string): number => address.split('.').reduce((value, part) => value * 256 + Number(part), 0);
const inDisguise = METADATA_V4.flatMap((address) => [...disguisesOf(valueOf(address)), `::${address}`, `64:ff9b:1::${address}`]);

describe('classOf', () => {
  /** The edges of each block, and their neighbours. */
  const table: readonly (readonly [AddressClass, ...(readonly string[])])[] = [
    ['unspecified', '0.0.0.0', '0.255.255.255', '::', '::ffff:0.0.0.0'],
    ['loopback', '127.0.0.0', '127.0.0.1', '127.255.255.255', '::1', '::ffff:127.0.0.1', '::ffff:7f00:1', '::127.0.0.1', '64:ff9b::127.0.0.1', '2002:7f00:1::'],
    ['link-local', '169.254.0.0', '169.254.255.255', 'fe80::', 'febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 'fe80::1%eth0', '::ffff:169.254.1.1'],
    ['private', '10.0.0.0', '10.255.255.255', '172.16.0.0', '172.31.255.255', '192.168.0.0', '192.168.255.255', 'fc00::', 'fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '::ffff:10.0.0.1'],
    ['other', '100.64.0.0', '100.127.255.255', '192.0.0.1', '192.0.2.1', '192.88.99.1', '198.18.0.0', '198.19.255.255', '198.51.100.1', '203.0.113.1', '224.0.0.0', '239.255.255.255', '240.0.0.0', '255.255.255.255'],
    ['other', 'fec0::1', 'ff02::1', '100::1', '2001::1', '2001:db8::1', '3fff::1', '5f00::1', '4000::', '64:ff9b:1:7f00:0:100:808:808', '64:ff9b:1::8.8.8.8'],
    ['public', '1.0.0.0', '8.8.8.8', '9.255.255.255', '11.0.0.0', '126.255.255.255', '128.0.0.0', '172.15.255.255', '172.32.0.0', '192.167.255.255', '192.169.0.0', '169.253.255.255', '169.255.0.0', '100.63.255.255', '100.128.0.0', '223.255.255.255'],
    ['public', '2000::', '2606:4700::1111', '2001:200::', '64:ff9b::8.8.8.8', '2002:808:808::'],
    ['metadata', ...METADATA_V4, ...METADATA_V6, ...inDisguise],
  ];

  it.each(table.flatMap(([kind, ...addresses]) => addresses.map((address) => [address, kind] as const)))('%s is %s', (address, kind) => {
    expect(classOf(address)).toBe(kind);
  });

  it('takes an IPv6 address that carries an IPv4 one for what that one is', () => {
    fc.assert(fc.property(ipv4Value, (value) => {
      for (const disguise of disguisesOf(value)) expect([disguise, classOf(disguise)]).toEqual([disguise, classOf(dotted(value))]);
    }));
  });

  it('does not depend on the spelling', () => {
    fc.assert(fc.property(ipv6Value, (value) => {
      const kind = classOf(longIpv6(value));
      for (const spelling of ipv6Spellings(value)) expect([spelling, classOf(spelling)]).toEqual([spelling, kind]);
    }));
  });

  it.each(['', 'localhost', '127.1', '[::1]'])('is a mistake of the program for %j', (text) => {
    expect(() => classOf(text)).toThrow(TypeError);
  });
});

describe('isAllowed', () => {
  it.each([...METADATA_V4, ...METADATA_V6, ...inDisguise])('lets nobody reach the metadata service at %s', (address) => {
    expect(isAllowed(address, CONFIGURED)).toBe(false);
    expect(isAllowed(address, ALL)).toBe(false);
    expect(isAllowed(address, networks('link-local', 'metadata', address.includes(':') ? `${address}/128` : `${address}/32`))).toBe(false);
  });

  it.each(['127.0.0.1', '::1', '169.254.1.1', 'fe80::1', '0.0.0.0', '::', '100.64.0.1', '224.0.0.1', '255.255.255.255', '8.8.8.8', '2606:4700::1111', '::ffff:127.0.0.1', '64:ff9b::7f00:1', '2002:7f00:1::', 'fec0::1'])('keeps private networks apart from %s', (address) => {
    expect(isAllowed(address, networks('private'))).toBe(false);
  });

  it.each([
    ['10.0.0.1', ['private'], true],
    ['::ffff:10.0.0.1', ['private'], true],
    ['fd12::1', ['private'], true],
    ['10.0.0.1', [], false],
    ['10.0.0.1', ['public', 'loopback'], false],
    ['8.8.8.8', ['public'], true],
    ['127.0.0.1', ['loopback'], true],
    ['100.64.1.1', ['100.64.0.0/10'], true],
    ['169.254.1.1', ['169.254.0.0/16'], true],
    ['127.0.0.2', ['127.0.0.2/32'], true],
    ['127.0.0.1', ['127.0.0.2/32'], false],
    ['::ffff:127.0.0.2', ['127.0.0.2/32'], true],
    ['::ffff:127.0.0.1', ['127.0.0.2/32'], false],
    ['::ffff:10.0.0.1', ['::ffff:10.0.0.0/104'], true],
    ['::ffff:10.0.0.1', ['::/0'], false],
    ['10.0.0.1', ['other', 'unspecified', 'link-local'], false],
    ['10.0.0.1', ['10.0.0.1', '10.0.0.0/99', ''], false],
    ['0.0.0.0', ['0.0.0.0/0', '0.0.0.0/32'], false],
    ['::', ['::/0'], false],
  ])('%s for %j: %s', (address, names, expected) => {
    expect(isAllowed(address, networks(...names))).toBe(expected);
  });

  it.each(['127.0.0.1', '10.0.0.1', '8.8.8.8', '169.254.1.1', '::1', '224.0.0.1'])('lets the operator name %s in a file', (address) => {
    expect(isAllowed(address, CONFIGURED)).toBe(true);
  });

  it('takes no name but the three for a class: others are not what they say', () => {
    fc.assert(fc.property(ipv4Value, fc.constantFrom('link-local', 'other', 'unspecified', 'metadata', 'configured', 'toString'), (value, name) => {
      expect(isAllowed(dotted(value), networks(name))).toBe(false);
    }));
  });

  it('treats a mapped address as the IPv4 address that it is to the system', () => {
    const policy = fc.constantFrom(CONFIGURED, ALL, networks('private'), networks('loopback', '10.0.0.0/9'), networks('128.0.0.0/1'));
    fc.assert(fc.property(ipv4Value, policy, (value, each) => {
      expect(isAllowed(`::ffff:${dotted(value)}`, each)).toBe(isAllowed(dotted(value), each));
    }));
  });
});

describe('describeNetworks', () => {
  it.each([[CONFIGURED, 'anything but the metadata services of clouds'], [networks(), 'none'], [networks('private', '10.8.0.0/16'), 'private, 10.8.0.0/16']])('says %j in words', (policy, words) => {
    expect(describeNetworks(policy)).toBe(words);
  });
});
