import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type ServerOptions, type WebSocket } from 'ws';
import type { Access } from './access.js';
import { SUBPROTOCOL } from './protocol.js';
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

const REASONS = { 400: 'Bad Request', 401: 'Unauthorized', 403: 'Forbidden', 404: 'Not Found', 503: 'Service Unavailable' } as const;

export type UpgradeOptions = {
  readonly access: Access;
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
    const admission = options.access.admit(request);
    if (admission.refused !== null) return refuse(socket, admission.refused.status, admission.refused.code, admission.refused.message);
    if ((request.url ?? '').split('?', 1)[0] !== '/ws') return refuse(socket, 404, 'not-found', 'WebSockets are served at /ws');
    if (!offersSubprotocol(request)) return refuse(socket, 400, 'subprotocol', `Offer the subprotocol ${SUBPROTOCOL}`);
    if (!options.hasRoom()) return refuse(socket, 503, 'too-many-viewers', 'Too many viewers, try again later');
    server.handleUpgrade(request, socket, head, (ws) => {
      socket.off('error', onError);
      options.onViewer(ws, socket, admission.principal);
    });
  };
}

function offersSubprotocol(request: IncomingMessage): boolean {
  const offered = request.headers['sec-websocket-protocol'] ?? '';
  return offered.split(',').some((name) => name.trim() === SUBPROTOCOL);
}

function refuse(socket: Duplex, status: keyof typeof REASONS, code: string, message: string): void {
  const body = JSON.stringify({ error: { code, message } });
  const head = [
    `HTTP/1.1 ${String(status)} ${REASONS[status]}`,
    'Connection: close',
    'Content-Type: application/json',
    `Content-Length: ${String(Buffer.byteLength(body))}`,
    ...(status === 401 ? ['WWW-Authenticate: Bearer'] : []),
  ];
  socket.once('finish', () => socket.destroy());
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
