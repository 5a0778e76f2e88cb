import { connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export type RawResponse = { readonly status: number; readonly head: string; readonly body: Buffer };

/** Opens a TCP connection; destroyed when the test ends. */
export function openSocket(port: number): Socket {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined); // resets are part of the tests
  onTestFinished(() => {
    socket.destroy();
  });
  return socket;
}

/** Sends bytes as they are and reads until the server closes (add `Connection: close`). */
export async function rawRequest(port: number, text: string): Promise<RawResponse> {
  const socket = openSocket(port);
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.write(text);
  await new Promise((resolve) => socket.once('close', resolve));
  const bytes = Buffer.concat(chunks);
  const headEnd = bytes.indexOf('\r\n\r\n');
  const head = bytes.subarray(0, headEnd).toString('latin1');
  return { status: Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? 0), head, body: bytes.subarray(headEnd + 4) };
}

/** GET with exactly this path and these headers; no Host unless given. */
export function rawGet(port: number, path: string, headers: Record<string, string> = {}): Promise<RawResponse> {
  const lines = Object.entries({ ...headers, Connection: 'close' }).map(([name, value]) => `${name}: ${value}`);
  return rawRequest(port, `GET ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
}

/** A WebSocket handshake as a browser sends it, with these headers on top (`undefined` leaves one out). */
export function rawUpgrade(port: number, headers: Record<string, string | undefined> = {}, path = '/ws'): Promise<RawResponse> {
  const socketHeaders = { ...upgradeHeaders(port), ...headers };
  const lines = Object.entries(socketHeaders).filter(([, value]) => value !== undefined).map(([name, value]) => `${name}: ${String(value)}`);
  return rawRequest(port, `GET ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
}

export function upgradeHeaders(port: number): Record<string, string> {
  return {
    Host: `127.0.0.1:${String(port)}`,
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==',
    'Sec-WebSocket-Protocol': 'sightline.v1',
  };
}
