/** What this page may do: `viewer` looks, `operator` controls and changes. */
export type Role = 'viewer' | 'operator';

/** Asks the server what this page may do. A server that knows no sessions lets everybody do everything.
 * @returns `null`: the server did not say */
export async function fetchRole(): Promise<Role | null> {
  let response: Response;
  try {
    response = await fetch(new URL('api/session', document.baseURI), { cache: 'no-store' });
  } catch (error) {
    if (error instanceof TypeError) return null; // no connection: the socket says so
    throw error;
  }
  if (response.status === 404) return 'operator';
  if (!response.ok) return null;
  const session = (await response.json()) as { readonly role?: unknown };
  return session.role === 'operator' ? 'operator' : 'viewer';
}
