import { blocks, embeddedIpv4, isIn, parseAddress, parseBlock, unmapped, type AddressBlock, type IpAddress } from './ip-address.js';

/** Who may be reached. `configured`, for sources named in configuration files: anything but the metadata services of clouds. `networks`, for sources
 * added at run time: only these: `private` (10/8, 172.16/12, 192.168/16, fc00::/7), `public`, `loopback` or blocks such as `100.64.0.0/10`; metadata
 * services not even when a block covers them. */
export type NetworkPolicy = { readonly kind: 'configured' } | { readonly kind: 'networks'; readonly networks: readonly string[] };

/** What an address is for. `other`: multicast, broadcast, shared (CGNAT), documentation, benchmarks and whatever is reserved. */
export type AddressClass = 'metadata' | 'unspecified' | 'loopback' | 'link-local' | 'private' | 'public' | 'other';

/** Where clouds hand out the credentials of the machine: AWS (also ECS, EKS), Google, Azure, Oracle, Alibaba, Tencent, Scaleway, OpenStack; from their documentation, 2026-11. */
const METADATA = blocks(
  '169.254.169.254/32', '169.254.170.2/32', '169.254.170.23/32', '169.254.0.23/32', '169.254.42.42/32', '100.100.100.200/32', '192.0.0.192/32', '168.63.129.16/32',
  'fd00:ec2::254/128', 'fd00:ec2::23/128', 'fd20:ce::254/128', 'fd00:c1::a9fe:a9fe/128', 'fd00:42::42/128', 'fe80::a9fe:a9fe/128',
);

/** Registries of IANA for special addresses (RFC 6890 and what followed it); the first block that holds an address names it. */
const CLASSES: readonly (readonly [AddressClass, readonly AddressBlock[]])[] = [
  ['unspecified', blocks('0.0.0.0/8', '::/128')],
  ['loopback', blocks('127.0.0.0/8', '::1/128')],
  ['link-local', blocks('169.254.0.0/16', 'fe80::/10')],
  ['private', blocks('10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7')],
  ['other', blocks('100.64.0.0/10', '192.0.0.0/24', '192.0.2.0/24', '192.88.99.0/24', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/3')],
  ['other', blocks('2001::/23', '2001:db8::/32', '3fff::/20')],
  ['public', blocks('0.0.0.0/0', '2000::/3')],
];

const LOCAL_NAT64 = blocks('64:ff9b:1::/48');
/** Classes that a policy may name. */
const NAMED: ReadonlySet<AddressClass> = new Set(['private', 'public', 'loopback']);

/** Tells what an address is for; one that carries an IPv4 address (mapped, NAT64, 6to4) is what that one is.
 * @throws {TypeError} for a text that is no address */
export function classOf(address: string): AddressClass {
  return classify(mustParse(address));
}

/** Whether `policy` lets a source be at `address`.
 * @throws {TypeError} for a text that is no address */
export function isAllowed(address: string, policy: NetworkPolicy): boolean {
  const parsed = mustParse(address);
  const kind = classify(parsed);
  if (kind === 'metadata') return false;
  if (policy.kind === 'configured') return true;
  // Linux connects 0.0.0.0 to loopback: it is a disguise, whatever block covers it.
  if (kind === 'unspecified') return false;
  return policy.networks.some((network) => (NAMED.has(kind) && network === kind) || covers(network, parsed));
}

/** The policy in words, for errors: `private, 10.8.0.0/16`. */
export function describeNetworks(policy: NetworkPolicy): string {
  if (policy.kind === 'configured') return 'anything but the metadata services of clouds';
  return policy.networks.length === 0 ? 'none' : policy.networks.join(', ');
}

function covers(network: string, address: IpAddress): boolean {
  const block = parseBlock(network);
  if (block === null) return false;
  // To the system a mapped address is an IPv4 one, which `::/0` does not mean; a block of mapped ones alone does.
  return isIn(unmapped(address), [block]) || (block.bits >= 96 && isIn(address, [block]));
}

function classify(address: IpAddress): AddressClass {
  if (isIn(address, METADATA)) return 'metadata';
  const carried = embeddedIpv4(address);
  const kind = carried === null ? null : classify(carried);
  // Where a gateway of one's own (RFC 8215) looks for the IPv4 address is not known: it is taken for the worst, never for something harmless.
  if (kind !== null) return kind !== 'metadata' && isIn(address, LOCAL_NAT64) ? 'other' : kind;
  return CLASSES.find(([, list]) => isIn(address, list))?.[0] ?? 'other';
}

function mustParse(address: string): IpAddress {
  const parsed = parseAddress(address);
  if (parsed === null) throw new TypeError(`Expected an IP address, got ${address}`);
  return parsed;
}
