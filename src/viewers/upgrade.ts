import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type ServerOptions, type WebSocket } from 'ws';
import type { Access } from './access.js';
import { SUBPROTOCOL } from './protocol.js';
import type { Tickets } from './tickets.js';
import type { Principal } from './tokens.js';

/** Viewers send next to nothing, so what they may send is small: no memory to be had by tiny fragments or compression. */
const SOCKET_OPTIONS: ServerOptions & { readonly closeTimeout: number } = {
  noServer: true,
  clientTracking: false,
  maxPayload: 4096,
  maxFragments: 8,
  maxBufferedChunks: 64,
  perMessageDeflate: false,
  /** A client that does not answer our goodbye is cut off, ms. */
  closeTimeout: 5000,
  handleProtocols: () => SUBPROTOCOL,
};

const REASONS = { 400: 'Bad Request', 401: 'Unauthorized', 403: 'Forbidden', 404: 'Not Found', 429: 'Too Many Requests', 431: 'Request Header Fields Too Large', 503: 'Service Unavailable' } as const;
/** "Try again later", from the registry of close codes. */
const CLOSE_FULL = 1013;

export type UpgradeOptions = {
  readonly access: Access;
  readonly tickets: Tickets;
  readonly isClosing: () => boolean;
  /** Whether one more viewer may come. */
  readonly hasRoom: () => boolean;
  readonly onViewer: (ws: WebSocket, socket: Duplex, principal: Principal) => void;
};

/** Makes the `upgrade` handler: who has no business here is refused before the upgrade, in plain HTTP. */
export function createUpgradeHandler(options: UpgradeOptions): (request: IncomingMessage, socket: Duplex, head: Buffer) => void {
  const server = new WebSocketServer(SOCKET_OPTIONS);
  return (request, socket, head) => {
    // Without a listener a connection reset here would end the process; the socket closes by itself.
    const onError = (): void => undefined;
    socket.on('error', onError);
    const { path, ticket } = readTarget(request.url ?? '');
    const admission = options.access.admit(request, ticket !== null);
    if (admission.refused !== null) return refuse(socket, admission.refused);
    if (path !== '/ws') return refuse(socket, { status: 404, code: 'not-found', message: 'WebSockets are served at /ws' });
    if (!offersSubprotocol(request)) return refuse(socket, { status: 400, code: 'subprotocol', message: `Offer the subprotocol ${SUBPROTOCOL}` });
    if (options.isClosing()) return refuse(socket, { status: 503, code: 'closing', message: 'The service is closing' });
    const principal = ticket === null ? admission.principal : options.tickets.redeem(ticket, Date.now());
    if (principal === null) return refuse(socket, { status: 401, code: 'bad-ticket', message: 'This ticket was used before, is too old or was never issued' });
    server.handleUpgrade(request, socket, head, (ws) => {
      socket.off('error', onError);
      if (options.hasRoom()) return options.onViewer(ws, socket, principal);
      ws.on('error', onError);
      // Only now: browsers tell the page nothing of an upgrade that was refused.
      ws.close(CLOSE_FULL, 'too many viewers');
    });
  };
}

/** Path and ticket of a request's target. */
function readTarget(target: string): { readonly path: string; readonly ticket: string | null } {
  const [path = '', query = ''] = target.split(/\?(.*)/s, 2);
  return { path, ticket: new URLSearchParams(query).get('ticket') };
}

function offersSubprotocol(request: IncomingMessage): boolean {
  const offered = request.headers['sec-websocket-protocol'] ?? '';
  return offered.split(',').some((name) => name.trim() === SUBPROTOCOL);
}

type UpgradeRefusal = { readonly status: keyof typeof REASONS; readonly code: string; readonly message: string; readonly headers?: Readonly<Record<string, string>> };

function refuse(socket: Duplex, { status, code, message, headers = {} }: UpgradeRefusal): void {
  const body = JSON.stringify({ error: { code, message } });
  const lines = { Connection: 'close', 'Content-Type': 'application/json', 'Content-Length': String(Buffer.byteLength(body)), ...headers };
  const head = [`HTTP/1.1 ${String(status)} ${REASONS[status]}`, ...Object.entries(lines).map(([name, value]) => `${name}: ${value}`)];
  socket.once('finish', () => socket.destroy());
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
