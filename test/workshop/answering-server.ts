import { createServer } from 'node:http';
import { type AddressInfo } from 'node:net';

export type Answer = { readonly status: number; readonly body: string };

/** An HTTP server on loopback; whoever starts it closes it. */
export type AnsweringServer = {
  readonly port: number;
  /** Paths it was asked for. */
  readonly requests: readonly string[];
  readonly close: () => Promise<void>;
};

/** Starts an HTTP server that answers each path as told. */
export async function startAnsweringServer(respond: (path: string) => Answer): Promise<AnsweringServer> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    requests.push(path);
    const { status, body } = respond(path);
    response.writeHead(status).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
      });
    },
  };
}
