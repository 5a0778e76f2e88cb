import { constants, createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2';
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { ModelMismatchError, ModelOutputError, ServingDeadlineError, ServingOverloadedError, ServingRejectedError, ServingUnavailableError } from '../../src/core/errors.js';
import { ServingClient, type ServingClientOptions } from '../../src/serving/serving-client.js';
import { startFakeServing } from '../helpers/fake-serving.js';
import { until } from '../helpers/until.js';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const GRPC_HEADERS = { ':status': 200, 'content-type': 'application/grpc' };

type Wire = { readonly stream: ServerHttp2Stream; readonly sockets: readonly Socket[] };

/** A server that speaks HTTP/2 and does with each call whatever the row says. */
async function http2Server(onCall: (wire: Wire) => void): Promise<string> {
  const sockets: Socket[] = [];
  const server = createHttp2Server();
  server.on('connection', (socket: Socket) => sockets.push(socket));
  server.on('session', (session) => session.on('error', () => undefined));
  server.on('stream', (stream) => {
    stream.on('error', () => undefined);
    onCall({ stream, sockets });
  });
  return listen(server, sockets);
}

async function listen(server: Server | ReturnType<typeof createHttp2Server>, sockets: readonly Socket[]): Promise<string> {
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  closers.push(() => new Promise((resolve) => {
    for (const socket of sockets) socket.destroy();
    server.close(resolve);
  }));
  return `127.0.0.1:${String((server.address() as AddressInfo).port)}`;
}

function clientOf(endpoint: string, options: Partial<ServingClientOptions> = {}): ServingClient {
  const client = new ServingClient({ endpoint, ...options });
  closers.push(() => client.close());
  return client;
}

async function failureOf(client: ServingClient, deadlineMs = 5000, bytes = 1): Promise<Error> {
  const inputs = { inputs: { dtype: 'uint8' as const, shape: [bytes], data: Buffer.alloc(bytes) } };
  return client.predict({ model: { name: 'default' }, inputs }, { deadlineMs }).then(
    () => {
      throw new Error('expected a rejection');
    },
    (error: unknown) => error as Error,
  );
}

const QUEUE_FULL = 'The batch scheduling queue to which this task was submitted is full; currently 10 batches enqueued and max_enqueued_batches is 10';

describe('a status that the backend answers', () => {
  it.each([
    [status.UNAVAILABLE, QUEUE_FULL, ServingOverloadedError, { isQueueFull: true, retryable: true }],
    [status.UNAVAILABLE, 'anything else', ServingOverloadedError, { isQueueFull: true }],
    [status.UNAVAILABLE, 'Connection dropped', ServingOverloadedError, { isQueueFull: true }],
    [status.UNAVAILABLE, 'Model labels does not init yet.stable', ServingUnavailableError, { reached: false }],
    [status.UNAVAILABLE, 'No engine process is running (SIGKILL)', ServingUnavailableError, { reached: false }],
    [status.UNAVAILABLE, 'The engine process ended while it computed (SIGKILL)', ServingUnavailableError, { reached: true }],
    [status.UNAVAILABLE, 'The server is shutting down', ServingUnavailableError, { reached: true }],
    [status.UNAVAILABLE, 'upstream connect error or disconnect/reset before headers. reset reason: connection failure', ServingUnavailableError, { reached: true }],
    [status.RESOURCE_EXHAUSTED, 'OOM when allocating tensor with shape[8,1080,1920,64]', ServingOverloadedError, { isQueueFull: false, retryable: true }],
    [status.RESOURCE_EXHAUSTED, 'Received message larger than max (9 vs 8)', ServingOverloadedError, { isQueueFull: false }],
    [status.INTERNAL, 'half a\n\t graph', ServingRejectedError, { retryable: true }],
    [status.UNKNOWN, 'half a graph', ServingRejectedError, { retryable: true }],
    [status.DATA_LOSS, 'half a graph', ServingRejectedError, { retryable: true }],
    [status.ABORTED, 'half a graph', ServingRejectedError, { retryable: true }],
    [status.INVALID_ARGUMENT, 'Missing ModelSpec', ModelMismatchError, { retryable: false }],
    [status.FAILED_PRECONDITION, 'Serving signature key "x" not found.', ModelMismatchError, { retryable: false }],
    [status.NOT_FOUND, 'Servable not found for request: Latest(x)', ModelMismatchError, { retryable: false }],
    [status.UNIMPLEMENTED, 'no such method', ModelMismatchError, { retryable: false }],
    [status.DEADLINE_EXCEEDED, 'too slow', ServingDeadlineError, { retryable: true }],
    [status.CANCELLED, 'half a graph', ServingUnavailableError, { reached: true, retryable: true }],
  ])('%i "%s" is a %o %o', async (grpcCode, message, kind, fields) => {
    const fake = await startFakeServing({ failWith: { grpcCode, message } });
    closers.push(() => fake.close());
    const error = await failureOf(clientOf(fake.endpoint));
    expect(error).toBeInstanceOf(kind);
    expect(error).toMatchObject(fields);
    expect(error.message).toContain(`backend ${fake.endpoint} `);
    expect(error.message).not.toContain('\n');
    if (grpcCode !== status.DEADLINE_EXCEEDED) expect(error.message).toContain(message.replace('\n\t ', ' '));
  });

  it.each([status.UNAUTHENTICATED, status.PERMISSION_DENIED])('%i says what to do', async (grpcCode) => {
    const fake = await startFakeServing({ failWith: { grpcCode, message: 'who are you' } });
    closers.push(() => fake.close());
    const error = await failureOf(clientOf(fake.endpoint));
    expect(error).toBeInstanceOf(ServingRejectedError);
    expect(error.message).toMatch(/does not let us in: who are you \((UNAUTHENTICATED|PERMISSION_DENIED)\); give it a certificate that it trusts \(backend\.tls: cert and key\)/);
  });

  it('is taken for its own words in trailers after headers, too', async () => {
    const endpoint = await http2Server(({ stream }) => {
      stream.respond(GRPC_HEADERS, { waitForTrailers: true });
      stream.on('wantTrailers', () => { stream.sendTrailers({ 'grpc-status': '14', 'grpc-message': QUEUE_FULL }); });
      stream.end();
    });
    const error = await failureOf(clientOf(endpoint));
    expect(error).toBeInstanceOf(ServingOverloadedError);
    expect(error).toMatchObject({ isQueueFull: true, message: `backend ${endpoint} has no room: ${QUEUE_FULL}` });
  });

  it('OK without an answer cannot be read', async () => {
    const endpoint = await http2Server(({ stream }) => { stream.respond({ ...GRPC_HEADERS, 'grpc-status': '0' }, { endStream: true }); });
    expect(await failureOf(clientOf(endpoint))).toMatchObject({ code: 'model-output', message: `backend ${endpoint} answered without a message` });
  });
});

describe('a call that ends without a status', () => {
  const SMALL = 1;
  const LARGE = 3_000_000;
  const unavailable = (reached: boolean): object => ({ code: 'serving-unavailable', reached, retryable: true });
  const overloaded = (isQueueFull: boolean): object => ({ code: 'serving-overloaded', isQueueFull });
  const rows: [string, (wire: Wire) => void, object, RegExp][] = [
    ['the process dies', ({ sockets }) => { for (const socket of sockets) socket.destroy(); }, unavailable(true), /lost the connection: (Connection dropped|read ECONNRESET|Write error)/],
    ['the connection is reset', ({ sockets }) => { for (const socket of sockets) socket.resetAndDestroy(); }, unavailable(true), /lost the connection: /],
    ['the process dies between headers and answer', ({ stream, sockets }) => {
      stream.respond(GRPC_HEADERS);
      setTimeout(() => { for (const socket of sockets) socket.destroy(); }, 20);
    }, unavailable(true), /lost the connection: /],
    ['the server says GOAWAY and leaves', ({ stream }) => {
      const { session } = stream;
      session?.goaway(0, 0);
      setTimeout(() => { session?.destroy(); }, 20);
    }, unavailable(true), /lost the connection: /],
    ['the server says GOAWAY because of an error', ({ stream }) => { stream.session?.goaway(2, 0); }, unavailable(true), /lost the connection: /],
    ['the server says GOAWAY because of too many pings', ({ stream }) => { stream.session?.goaway(11, stream.id, Buffer.from('too_many_pings')); }, unavailable(true), /lost the connection: /],
    ['the server refuses streams', ({ stream }) => { stream.close(constants.NGHTTP2_REFUSED_STREAM); }, unavailable(false), /takes no more calls on its connection$/],
    ['the server cancels the stream', ({ stream }) => { stream.close(constants.NGHTTP2_CANCEL); }, unavailable(true), /gave up the call: Call cancelled$/],
    ['the server asks for calm', ({ stream }) => { stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM); }, overloaded(true), /asks for fewer calls: /],
    ['the server ends the stream in an error', ({ stream }) => { stream.close(constants.NGHTTP2_INTERNAL_ERROR); }, { code: 'serving-rejected' }, /failed: Received RST_STREAM with code 2/],
    ['the server forgets the status', ({ stream }) => { stream.respond(GRPC_HEADERS); stream.end(); }, { code: 'serving-rejected' }, /failed: .*without gRPC status/],
    ['a proxy has nobody behind it', ({ stream }) => { stream.respond({ ':status': 503, 'content-type': 'text/plain' }); stream.end('no'); }, unavailable(true), /gave no answer: Received HTTP status code 503$/],
    ['a proxy wants a login', ({ stream }) => { stream.respond({ ':status': 401, 'content-type': 'text/plain' }); stream.end('no'); }, { code: 'serving-rejected' }, /does not let us in: /],
    ['a web server does not know the path', ({ stream }) => { stream.respond({ ':status': 404, 'content-type': 'text/html' }); stream.end('<html>no'); }, { code: 'model-mismatch' }, /Received HTTP status code 404/],
  ];
  it.each(rows.flatMap((row) => [SMALL, LARGE].map((bytes) => [...row, bytes] as const)))('when %s', async (_what, onCall, fields, message, bytes) => {
    const endpoint = await http2Server(onCall);
    const client = clientOf(endpoint);
    await client.waitForReady({ deadlineMs: 5000 });
    const error = await failureOf(client, 5000, bytes);
    expect(error).toMatchObject(fields);
    expect(error.message).toMatch(message);
    expect(error.message).toContain(`backend ${endpoint} `);
  });

  it('has reached the server when the connection was made for it only', async () => {
    const endpoint = await http2Server(({ sockets }) => { for (const socket of sockets) socket.destroy(); });
    expect(await failureOf(clientOf(endpoint))).toMatchObject({ code: 'serving-unavailable', reached: true });
  });
});

describe('a call that gets no connection', () => {
  it('to a server that was never started has reached nobody', async () => {
    const fake = await startFakeServing();
    await fake.close();
    expect(await failureOf(clientOf(fake.endpoint))).toMatchObject({ code: 'serving-unavailable', reached: false, message: `backend ${fake.endpoint} refuses connections: is TensorFlow Serving running there?` });
  });

  it('to a server that was stopped has reached nobody', async () => {
    const fake = await startFakeServing();
    const client = clientOf(fake.endpoint);
    await client.waitForReady({ deadlineMs: 5000 });
    await fake.close();
    await until(() => !client.isConnected);
    expect(await failureOf(client)).toMatchObject({ code: 'serving-unavailable', reached: false });
  });

  it('because whoever listens hangs up has reached nobody', async () => {
    const endpoint = await listen(createTcpServer((socket) => { socket.destroy(); }), []);
    expect(await failureOf(clientOf(endpoint))).toMatchObject({ code: 'serving-unavailable', reached: false });
  });
});

describe('our own limit for messages', () => {
  it('refuses an answer that is larger and names both sizes', async () => {
    const fake = await startFakeServing({ rawAnswer: Buffer.alloc(70_000) });
    closers.push(() => fake.close());
    const error = await failureOf(clientOf(fake.endpoint, { maxMessageBytes: 65_536 }));
    expect(error).toBeInstanceOf(ModelOutputError);
    expect(error.message).toBe(`backend ${fake.endpoint} gave an answer that is too large: Received message larger than max (70000 vs 65536); ask for fewer outputs or images`);
  });

  it('refuses a request that is larger, and no other try would do', async () => {
    const fake = await startFakeServing();
    closers.push(() => fake.close());
    const error = await failureOf(clientOf(fake.endpoint, { maxMessageBytes: 65_536 }), 5000, 65_536);
    expect(error).toBeInstanceOf(ServingRejectedError);
    expect(error).toMatchObject({ retryable: false, message: `the request to backend ${fake.endpoint} is too large: Attempted to send message with a size larger than 65536` });
    expect(fake.calls.Predict).toBe(0);
  });
});
