import { isIP } from 'node:net';

/** An address as a number, so that every spelling of it is the same. */
export type IpAddress = { readonly version: 4 | 6; readonly value: bigint };

/** All addresses whose first `bits` bits are those of `value`. */
export type AddressBlock = IpAddress & { readonly bits: number };

/** Prefixes of IPv6 addresses whose last 32 bits are an IPv4 address: mapped, translated (SIIT), NAT64 (well-known and local-use), compatible. */
const CARRIERS = blocks('::ffff:0:0/96', '::ffff:0:0:0/96', '64:ff9b::/96', '64:ff9b:1::/48', '::/96');
const MAPPED = blocks('::ffff:0:0/96');
const SIX_TO_FOUR = blocks('2002::/16');

/** Reads an address in one of its standard spellings (`10.0.0.1`, `fe80::1`, `::ffff:10.0.0.1`; a zone such as `%eth0` is left out).
 * @returns `null` for anything else, `0x7f.1` and `127.1` included: those are names for the resolver, and what it makes of them is looked at */
export function parseAddress(text: string): IpAddress | null {
  const version = isIP(text);
  if (version === 4) return { version, value: dottedValue(text) };
  if (version !== 6) return null;
  const [plain = ''] = text.split('%');
  const hexOnly = plain.replace(/\d+\.\d+\.\d+\.\d+$/u, (dotted) => dottedValue(dotted).toString(16).padStart(8, '0').replace(/(.{4})/u, '$1:'));
  const [head = '', tail] = hexOnly.split('::');
  const groups = (part: string): readonly string[] => part.split(':').filter((group) => group !== '');
  const before = groups(head);
  const after = groups(tail ?? '');
  const all = [...before, ...Array<string>(8 - before.length - after.length).fill('0'), ...after];
  return { version: 6, value: BigInt(`0x${all.map((group) => group.padStart(4, '0')).join('')}`) };
}

/** Reads `10.0.0.0/8`; bits of the address beyond the block are ignored.
 * @returns `null` for anything else */
export function parseBlock(text: string): AddressBlock | null {
  const [, address = '', bits = ''] = /^([^/]+)\/(\d{1,3})$/u.exec(text) ?? [];
  const parsed = parseAddress(address);
  return parsed === null || Number(bits) > widthOf(parsed) ? null : { ...parsed, bits: Number(bits) };
}

/** @throws {TypeError} for a text that is no block */
export function blocks(...texts: readonly string[]): readonly AddressBlock[] {
  return texts.map((text) => {
    const block = parseBlock(text);
    if (block === null) throw new TypeError(`Expected a block of addresses such as 10.0.0.0/8, got ${text}`);
    return block;
  });
}

/** Whether an address lies in one of the blocks; IPv4 and IPv6 are worlds of their own. */
export function isIn(address: IpAddress, list: readonly AddressBlock[]): boolean {
  return list.some((block) => {
    const rest = BigInt(widthOf(block) - block.bits);
    return block.version === address.version && address.value >> rest === block.value >> rest;
  });
}

/** `::ffff:10.0.0.1` is `10.0.0.1` to the system: both spellings are one address. */
export function unmapped(address: IpAddress): IpAddress {
  return isIn(address, MAPPED) ? lowIpv4(address.value) : address;
}

/** The IPv4 address that a gateway (NAT64, 6to4) may turn an IPv6 address into, or the one it is mapped from; `null` for others. */
export function embeddedIpv4(address: IpAddress): IpAddress | null {
  if (isIn(address, SIX_TO_FOUR)) return lowIpv4(address.value >> 80n);
  const plain = address.version === 4 || address.value <= 1n; // :: and ::1 are IPv6's own
  return plain || !isIn(address, CARRIERS) ? null : lowIpv4(address.value);
}

function lowIpv4(value: bigint): IpAddress {
  return { version: 4, value: value & 0xffff_ffffn };
}

function dottedValue(text: string): bigint {
  return text.split('.').reduce((value, part) => value * 256n + BigInt(part), 0n);
}

function widthOf(address: IpAddress): number {
  return address.version === 4 ? 32 : 128;
}
