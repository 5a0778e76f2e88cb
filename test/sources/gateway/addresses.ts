import fc from 'fast-check';

/** Any IPv4 address as a number. */
export const ipv4Value = fc.integer({ min: 0, max: 0xffff_ffff });

/** Any IPv6 address as a number, often with runs of zeros. */
export const ipv6Value = fc.array(fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, fc.integer({ min: 0, max: 0xffff })), { minLength: 8, maxLength: 8 })
  .map((groups) => groups.reduce((value, group) => value * 0x1_0000n + BigInt(group), 0n));

/** `10.0.0.1` */
export function dotted(value: number): string {
  return [24, 16, 8, 0].map((shift) => String((value >>> shift) & 0xff)).join('.');
}

/** The eight groups of an IPv6 address, none shortened: `0000:0000:…:0001`. */
export function longIpv6(value: bigint): string {
  return (value.toString(16).padStart(32, '0').match(/.{4}/gu) ?? []).join(':');
}

/** All spellings of an IPv6 address that its standard knows, with more than one shortening where there is a choice. */
export function ipv6Spellings(value: bigint): readonly string[] {
  const long = longIpv6(value).split(':');
  const short = long.map((group) => group.replace(/^0{1,3}/u, ''));
  const low = Number(value & 0xffff_ffffn);
  const whole = [long, short].flatMap((groups) => [groups, [...groups.slice(0, 6), dotted(low)]]);
  const shortened = whole.flatMap((groups) => groups.flatMap((_, from) => groups.flatMap((__, to) => {
    if (to < from || !groups.slice(from, to + 1).every((group) => /^0+$/u.test(group))) return [];
    return [`${groups.slice(0, from).join(':')}::${groups.slice(to + 1).join(':')}`];
  })));
  const plain = [...whole.map((groups) => groups.join(':')), ...shortened];
  return [...plain, ...plain.map((text) => text.toUpperCase()), `${short.join(':')}%eth0`];
}

/** IPv6 addresses that stand for an IPv4 one to some gateway or to the system itself. */
export function disguisesOf(value: number): readonly string[] {
  const [high, low] = [(value >>> 16).toString(16), (value & 0xffff).toString(16)];
  return [`::ffff:${dotted(value)}`, `::ffff:${high}:${low}`, `::ffff:0:${high}:${low}`, `64:ff9b::${high}:${low}`, `2002:${high}:${low}::`, `2002:${high}:${low}:1::5`];
}

/** Odd spellings of an IPv4 address that resolvers and the parser of the web understand. */
export function oddIpv4Spellings(value: number): readonly string[] {
  const parts = dotted(value).split('.').map(Number);
  const [a = 0, b = 0, c = 0, d = 0] = parts;
  const each = (write: (part: number) => string): string => parts.map(write).join('.');
  return [
    dotted(value), String(value), `0x${value.toString(16)}`, `0${value.toString(8)}`, each((part) => `0x${part.toString(16)}`), each((part) => `0${part.toString(8)}`),
    `${String(a)}.${String((b << 16) | (c << 8) | d)}`, `${String(a)}.${String(b)}.${String((c << 8) | d)}`, `0X${a.toString(16)}.0${b.toString(8)}.${String((c << 8) | d)}`,
  ];
}
