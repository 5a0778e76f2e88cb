import type { IncomingMessage } from 'node:http';

/** Largest body of a request; stream definitions are a fraction of it. */
export const MAX_BODY_BYTES = 64 * 1024;

/**
 * Whether a request's body is larger than `MAX_BODY_BYTES`. A body that tells its length is left unread; one that does not
 * (chunked) has no use here yet and is read and dropped, as far as the limit.
 */
export async function exceedsBodyLimit(request: IncomingMessage): Promise<boolean> {
  if (request.headers['transfer-encoding'] === undefined) return Number(request.headers['content-length'] ?? 0) > MAX_BODY_BYTES;
  return new Promise((resolve) => {
    let readBytes = 0;
    request.on('data', (chunk: Buffer) => {
      readBytes += chunk.length;
      if (readBytes <= MAX_BODY_BYTES) return;
      request.pause();
      resolve(true);
    });
    request.once('end', () => resolve(false));
    request.once('error', () => resolve(true)); // the client is gone: no answer reaches it
  });
}
