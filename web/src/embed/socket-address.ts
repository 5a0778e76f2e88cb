import type { EmbedAddress } from './embed-address.js';

/** The service does not let this tile in. */
export class TokenRefusedError extends Error {
  constructor() {
    super('The token in this tile’s address is not valid, or not any more.');
    this.name = 'TokenRefusedError';
  }
}

/** Where to open the socket. A token is changed for a ticket first, which counts once and for half a minute: what stands in the address
 * of a socket is written down by whatever lies between, and a token must not be.
 * @throws {TokenRefusedError} when the service does not know the token
 * @throws {TypeError} when the service does not answer
 */
export async function socketAddress({ serviceUrl, token }: EmbedAddress): Promise<string> {
  const address = new URL('ws', serviceUrl);
  address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';
  if (token === null) return address.href;
  const response = await fetch(new URL('api/tickets', serviceUrl), { method: 'POST', headers: { Authorization: `Bearer ${token}` } });
  if (response.status === 401) throw new TokenRefusedError();
  if (!response.ok) throw new TypeError(`The service answered ${String(response.status)}`);
  const { ticket } = (await response.json()) as { readonly ticket: string };
  address.searchParams.set('ticket', ticket);
  return address.href;
}
