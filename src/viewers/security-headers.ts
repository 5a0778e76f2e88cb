const SHARED: Readonly<Record<string, string>> = {
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Permissions-Policy': 'camera=(), microphone=(), geolocation=(), payment=(), usb=()',
  'Cross-Origin-Opener-Policy': 'same-origin',
};

/** All that the page needs, and nothing inline; `blob:` and `data:` are pictures that it made itself. */
const PAGE_POLICY = "default-src 'self'; connect-src 'self'; img-src 'self' blob: data:; worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'";

/** Tells who may show a path in a frame, as a source list of CSP. */
export type FramersOf = (path: string) => string;

export const NOBODY = "'none'";

/**
 * Headers that every answer carries. There are none for CORS: no other site reads anything here.
 * @param path as it stands in the request, percent-encoded
 * @param framersOf default: nobody may frame anything
 */
export function securityHeaders(path: string, framersOf: FramersOf = () => NOBODY): Readonly<Record<string, string>> {
  const framers = framersOf(path);
  const policy = { 'Content-Security-Policy': `${PAGE_POLICY}; frame-ancestors ${framers}`, ...SHARED };
  if (framers === NOBODY) return { ...policy, 'Cross-Origin-Resource-Policy': 'same-origin', 'X-Frame-Options': 'DENY' };
  // The older header knows no list; and a page that isolates itself (COEP) could not frame what is kept to its own origin.
  return { ...policy, 'Cross-Origin-Resource-Policy': 'cross-origin' };
}
