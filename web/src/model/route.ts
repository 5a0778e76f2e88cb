/** What the address asks for. */
export type Route = { readonly view: 'grid' } | { readonly view: 'stream'; readonly stream: string };

const STREAM_PREFIX = '#/stream/';

/** Reads the part of the address after `#`; anything unknown is the grid. */
export function parseRoute(hash: string): Route {
  if (!hash.startsWith(STREAM_PREFIX)) return { view: 'grid' };
  const encoded = hash.slice(STREAM_PREFIX.length);
  if (encoded === '') return { view: 'grid' };
  try {
    return { view: 'stream', stream: decodeURIComponent(encoded) };
  } catch (error) {
    if (error instanceof URIError) return { view: 'grid' };
    throw error;
  }
}

/** Address of a stream's large view. */
export function streamHash(stream: string): string {
  return `${STREAM_PREFIX}${encodeURIComponent(stream)}`;
}
