import { Metadata, Server, ServerCredentials, logVerbosity, setLogVerbosity, status, type sendUnaryData, type ServerUnaryCall } from '@grpc/grpc-js';
import { ConfigError, ModelOutputError, PortInUseError } from '../core/errors.js';
import type { Rpc } from './rpcs.js';

/** A status that a handler answers with instead of a message. */
export class GrpcStatusError extends Error {
  readonly grpcCode: number;

  /** @param message what the caller is told; cut to TensorFlow Serving's 1024 characters */
  constructor(grpcCode: number, message: string) {
    super(message);
    this.name = new.target.name;
    this.grpcCode = grpcCode;
  }
}

/** What a handler knows of the call beside its request. */
export type CallContext = {
  /** Aborts when the caller has cancelled, gone away or run out of time: nobody waits for the answer any more. */
  readonly signal: AbortSignal;
  /** Until when the caller waits, epoch ms; `null`: for ever. */
  readonly deadlineAtMs: number | null;
  /** Adds an entry to the initial metadata of the answer. */
  setHeader(key: string, value: string): void;
};

/** One method of a server. */
export type GrpcMethod = { readonly path: string; readonly handle: (request: Buffer, context: CallContext) => Promise<Buffer> };

export type GrpcServerOptions = {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** All other methods are answered UNIMPLEMENTED. */
  readonly methods: readonly GrpcMethod[];
  /** Largest message in either direction, bytes; default 256 MiB. */
  readonly maxMessageBytes?: number;
};

/** A listening server. */
export interface GrpcServer {
  readonly host: string;
  readonly port: number;
  /** Lets calls end for a moment, then ends them. Idempotent. */
  close(): Promise<void>;
}

const DEFAULT_MAX_MESSAGE_BYTES = 256 * 1024 * 1024;
const CLOSE_GRACE_MS = 500;
/** TensorFlow Serving cuts its messages so (grpc_status_util.cc). */
const MAX_STATUS_MESSAGE_LENGTH = 1024;

/** Makes a method of a server from what it does with a decoded request. It answers a status by throwing {@link GrpcStatusError}. */
export function unaryMethod<Request, Response>(rpc: Rpc<Request, Response>, handle: (request: Request, context: CallContext) => Promise<Response> | Response): GrpcMethod {
  return {
    path: rpc.path,
    handle: async (bytes, context) => rpc.response.encode(await handle(decodeRequest(rpc, bytes), context)),
  };
}

/** Listens without TLS.
 * @throws {PortInUseError} when the port is taken
 * @throws {ConfigError} when the host is none of this machine's */
export async function startGrpcServer(options: GrpcServerOptions): Promise<GrpcServer> {
  const maxMessageBytes = options.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES;
  // What goes wrong is in the errors; grpc-js would write it to standard error as well, in a form of its own.
  setLogVerbosity(logVerbosity.NONE);
  const server = new Server({
    'grpc.max_receive_message_length': maxMessageBytes,
    'grpc.max_send_message_length': maxMessageBytes,
    'grpc.enable_channelz': 0,
    'grpc.max_concurrent_streams': 128,
  });
  for (const method of options.methods) {
    const name = method.path.slice(method.path.lastIndexOf('/') + 1);
    const definition = { path: method.path, requestStream: false, responseStream: false, requestSerialize: asIs, requestDeserialize: asIs, responseSerialize: asIs, responseDeserialize: asIs };
    server.addService({ [name]: definition }, { [name]: (call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>) => void answer(method, call, callback) });
  }
  const port = await bind(server, options);
  let closed: Promise<void> | null = null;
  return { host: options.host, port, close: () => (closed ??= shutDown(server)) };
}

async function answer(method: GrpcMethod, call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>): Promise<void> {
  const headers = new Metadata();
  const stop = new AbortController();
  call.on('cancelled', () => {
    stop.abort();
  });
  const context: CallContext = {
    signal: stop.signal,
    deadlineAtMs: deadlineOf(call),
    setHeader: (key, value) => {
      headers.set(key, value);
    },
  };
  try {
    const response = await method.handle(call.request, context);
    call.sendMetadata(headers);
    callback(null, response);
  } catch (error) {
    const code = error instanceof GrpcStatusError ? error.grpcCode : status.INTERNAL;
    callback({ code, details: cutMessage(error instanceof Error ? error.message : String(error)) });
  }
}

function decodeRequest<Request, Response>(rpc: Rpc<Request, Response>, bytes: Buffer): Request {
  try {
    return rpc.request.decode(bytes);
  } catch (error) {
    if (error instanceof ModelOutputError) throw new GrpcStatusError(status.INVALID_ARGUMENT, error.message);
    throw error;
  }
}

function deadlineOf(call: ServerUnaryCall<Buffer, Buffer>): number | null {
  const deadline = call.getDeadline();
  const atMs = deadline instanceof Date ? deadline.getTime() : deadline;
  return Number.isFinite(atMs) ? atMs : null;
}

async function bind(server: Server, options: GrpcServerOptions): Promise<number> {
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  try {
    return await new Promise<number>((resolve, reject) => {
      server.bindAsync(`${host}:${String(options.port)}`, ServerCredentials.createInsecure(), (error, port) => {
        if (error === null) resolve(port);
        else reject(error);
      });
    });
  } catch (error) {
    server.forceShutdown();
    const text = error instanceof Error ? error.message : String(error);
    if (text.includes('EADDRINUSE')) throw new PortInUseError(options.host, options.port, { cause: error });
    const message = text.includes('EACCES') ? `not allowed to listen on ${host}:${String(options.port)}` : `cannot listen on ${host}:${String(options.port)}: expected an address of this machine`;
    throw new ConfigError([{ file: null, path: '--host', message }]);
  }
}

async function shutDown(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => {
      server.forceShutdown();
      resolve();
    }, CLOSE_GRACE_MS);
    server.tryShutdown(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function cutMessage(message: string): string {
  return message.length > MAX_STATUS_MESSAGE_LENGTH ? `${message.slice(0, MAX_STATUS_MESSAGE_LENGTH)}...TRUNCATED` : message;
}

function asIs(bytes: Buffer): Buffer {
  return bytes;
}
