import { once } from 'node:events';
import { createServer, type Http2Server, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { GrpcStatus } from '../../src/serving/grpc-status.js';
import { getModelMetadataRpc, getModelStatusRpc, healthCheckRpc, predictRpc } from '../../src/serving/rpcs.js';
import { decodeTensor, encodeTensor } from '../../src/serving/tensor-codec.js';
import { detectionOutputs, detectionSignature } from './fake-serving.js';

/** What is done with a Predict call. `answer`: as it should be.
 * `goaway-then-rest`: half of the answer, GOAWAY, the rest, as a server that ends a connection in order. `goaway-then-close`: the rest never comes.
 * `goaway-unprocessed`: GOAWAY that says that the call was not looked at. `refused-stream`, `internal-error`: RST_STREAM with that code.
 * `black-hole`: nothing, ever. `drip`: a byte every few ms. `truncated`: half of the message, then trailers that say that all is well.
 * `oversized-prefix`: a message that says that it has 4 GB. `no-message`: trailers that say that all is well, and nothing else.
 * `destroyed`: half of the message, then the connection is gone. */
export const RAW_ACTS = ['answer', 'goaway-then-rest', 'goaway-then-close', 'goaway-unprocessed', 'refused-stream', 'internal-error', 'black-hole', 'drip', 'truncated', 'oversized-prefix', 'no-message', 'destroyed'] as const;
export type RawAct = (typeof RAW_ACTS)[number];

const REFUSED_STREAM = 7;
const INTERNAL_ERROR = 2;
const INTERNAL_GOAWAY = 2;
const FRAME_TYPE_GOAWAY = 7;

/** A stand-in for TensorFlow Serving one layer below gRPC: everything but Predict is answered as it should be, Predict breaks HTTP/2's or gRPC's rules by script. */
export class RawServing {
  /** What is done with the next Predict calls; may be changed at any time. */
  act: RawAct = 'answer';
  /** From byte to byte of a drip, ms. */
  dripMs = 20;
  /** What was done with each Predict call, oldest first. */
  readonly seen: RawAct[] = [];
  /** Connections so far. */
  connections = 0;
  /** Streams that the other side reset. */
  resets = 0;
  readonly #server: Http2Server = createServer();
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #sockets = new Set<Socket>();
  readonly #timers = new Set<NodeJS.Timeout>();

  static async start(): Promise<RawServing> {
    const serving = new RawServing();
    serving.#server.on('connection', (socket: Socket) => {
      serving.#sockets.add(socket);
      socket.on('close', () => serving.#sockets.delete(socket));
    });
    serving.#server.on('session', (session) => {
      serving.connections += 1;
      serving.#sessions.add(session);
      session.on('close', () => serving.#sessions.delete(session));
      session.on('error', () => undefined);
    });
    serving.#server.on('stream', (stream, headers) => {
      stream.on('error', () => undefined);
      stream.on('aborted', () => {
        serving.resets += 1;
      });
      void serving.#answer(stream, headers);
    });
    serving.#server.listen(0, '127.0.0.1');
    await once(serving.#server, 'listening');
    return serving;
  }

  get endpoint(): string {
    return `127.0.0.1:${String((this.#server.address() as AddressInfo).port)}`;
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const session of this.#sessions) session.destroy();
    await closed;
  }

  async #answer(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    await once(stream, 'end');
    // Behind one byte of flags and four of length.
    const request = Buffer.concat(chunks).subarray(5);
    switch (headers[':path']) {
      case predictRpc.path:
        this.seen.push(this.act);
        this.#predict(stream, this.act, request);
        break;
      case getModelMetadataRpc.path: {
        const signatures = new Map([['serving_default', detectionSignature()]]);
        whole(stream, getModelMetadataRpc.response.encode({ modelSpec: { name: 'default', version: '1', versionLabel: null, signatureName: '' }, signatures }));
        break;
      }
      case getModelStatusRpc.path:
        whole(stream, getModelStatusRpc.response.encode({ versions: [{ version: '1', state: 'AVAILABLE', errorCode: 0, errorMessage: '' }] }));
        break;
      case healthCheckRpc.path:
        whole(stream, healthCheckRpc.response.encode({ status: 'SERVING' }));
        break;
      default:
        stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': String(GrpcStatus.UNIMPLEMENTED) }, { endStream: true });
    }
  }

  #predict(stream: ServerHttp2Stream, act: RawAct, request: Buffer): void {
    const session = stream.session;
    const message = framed(predictAnswer(request));
    const half = message.subarray(0, message.length >> 1);
    const rest = message.subarray(half.length);
    switch (act) {
      case 'black-hole':
        return;
      case 'answer':
        begin(stream, message).end();
        return;
      case 'truncated':
        begin(stream, half).end();
        return;
      case 'no-message':
        begin(stream).end();
        return;
      case 'oversized-prefix':
        begin(stream, Buffer.concat([Buffer.from([0, 255, 255, 255, 255]), half])).end();
        return;
      case 'refused-stream':
        stream.close(REFUSED_STREAM);
        return;
      case 'internal-error':
        begin(stream, half, () => { stream.close(INTERNAL_ERROR); });
        return;
      case 'destroyed':
        begin(stream, half, () => {
          for (const socket of this.#sockets) socket.destroy();
        });
        return;
      case 'goaway-then-rest':
        begin(stream, half, () => {
          session?.goaway();
          stream.end(rest);
        });
        return;
      case 'goaway-then-close':
        begin(stream, half, () => {
          session?.goaway(INTERNAL_GOAWAY);
          session?.destroy();
        });
        return;
      case 'goaway-unprocessed':
        // node:http2 only says that everything was looked at.
        for (const socket of this.#sockets) socket.end(goawayOfNone());
        return;
      case 'drip':
        this.#drip(begin(stream), message);
    }
  }

  #drip(stream: ServerHttp2Stream, bytes: Buffer): void {
    let at = 0;
    const timer = setInterval(() => {
      if (!stream.closed && at < bytes.length) {
        stream.write(bytes.subarray(at, at + 1));
        at += 1;
        return;
      }
      clearInterval(timer);
      this.#timers.delete(timer);
      if (!stream.closed) stream.end();
    }, this.dripMs);
    this.#timers.add(timer);
  }
}

/** Sends the head of an answer that will end well, and the first bytes of its body. */
function begin(stream: ServerHttp2Stream, bytes?: Buffer, whenSent?: () => void): ServerHttp2Stream {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => {
    stream.sendTrailers({ 'grpc-status': '0' });
  });
  if (bytes !== undefined) stream.write(bytes, whenSent);
  return stream;
}

function whole(stream: ServerHttp2Stream, message: Buffer): void {
  begin(stream, framed(message)).end();
}

/** A GOAWAY frame without an error: not even the first stream was looked at. */
function goawayOfNone(): Buffer {
  return Buffer.from([0, 0, 8, FRAME_TYPE_GOAWAY, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
}

/** A message as gRPC sends it: not compressed, its length, itself. */
function framed(message: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

function predictAnswer(request: Buffer): Buffer {
  const { inputs } = predictRpc.request.decode(request);
  const images = [...inputs.values()].map((proto) => decodeTensor(proto).shape[0] ?? 0)[0] ?? 0;
  const lists = Array.from({ length: images }, () => [{ classId: 85, score: 0.9, box: [0.25, 0.25, 0.75, 0.75] as const }]);
  const outputs = new Map(Object.entries(detectionOutputs(lists, 1)).map(([name, tensor]) => [name, encodeTensor(tensor)]));
  return predictRpc.response.encode({ modelSpec: { name: 'default', version: '1', versionLabel: null, signatureName: 'serving_default' }, outputs });
}
