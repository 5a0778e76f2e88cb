import type { IncomingMessage } from 'node:http';

/** Largest body of a request; stream definitions are a fraction of it. */
export const MAX_BODY_BYTES = 64 * 1024;

/** Reads a request's body, which whoever routes it then finds with the request. One that tells its length is left unread when it is too large.
 * @returns `null`: larger than `MAX_BODY_BYTES`, or the client is gone */
export async function readBody(request: IncomingMessage): Promise<Buffer | null> {
  const announced = request.headers['content-length'];
  if (request.headers['transfer-encoding'] === undefined && announced === undefined) return Buffer.alloc(0);
  if (Number(announced ?? 0) > MAX_BODY_BYTES) return null;
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let readBytes = 0;
    request.on('data', (chunk: Buffer) => {
      readBytes += chunk.length;
      if (readBytes <= MAX_BODY_BYTES) {
        chunks.push(chunk);
        return;
      }
      request.pause();
      resolve(null);
    });
    request.once('end', () => resolve(Buffer.concat(chunks)));
    request.once('error', () => resolve(null));
    request.once('close', () => resolve(null));
  });
}

/** Reads a body as JSON.
 * @throws {SyntaxError} it is none */
export function parseJson(body: Buffer): unknown {
  return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
}
