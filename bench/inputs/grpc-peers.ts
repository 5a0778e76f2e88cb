import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { credentials, Client, Metadata, Server, ServerCredentials } from '@grpc/grpc-js';

const SCRIPT = fileURLToPath(new URL('grpcio_peer.py', import.meta.url));
/** The virtual environment of the conformance tests has grpcio; Debian's python3-grpcio will do as well. */
const VENV_PYTHON = fileURLToPath(new URL('../../.cache/conformance-venv/bin/python', import.meta.url));
const PREDICT = '/tensorflow.serving.PredictionService/Predict';
const UNLIMITED = { 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 };

export type AnsweringServer = { readonly endpoint: string; readonly close: () => Promise<void> };

/** A Python that has grpcio, or `null`. */
export function pythonWithGrpcio(): string | null {
  const candidates = [process.env['SIGHTLINE_CONFORMANCE_PYTHON'], VENV_PYTHON, 'python3'].filter((path) => path !== undefined && (path === 'python3' || existsSync(path)));
  return candidates.find((path) => spawnSync(path ?? '', ['-c', 'import grpc']).status === 0) ?? null;
}

/** A server of gRPC's C-core, as TensorFlow Serving is one, in a process of its own; it answers every call with these bytes. */
export async function startCoreServer(python: string, answerFile: string): Promise<AnsweringServer> {
  const child = spawn(python, [SCRIPT, 'serve', answerFile], { stdio: ['pipe', 'pipe', 'inherit'] });
  const port = await new Promise<string>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => { reject(new Error('grpcio_peer.py has ended')); });
    child.stdout.once('data', (line: Buffer) => { resolve(line.toString().trim()); });
  });
  return {
    endpoint: `127.0.0.1:${port}`,
    close: async () => {
      const ended = new Promise((resolve) => child.once('close', resolve));
      child.stdin.end();
      await ended;
    },
  };
}

/** The same of grpc-js, in this process: where there is no grpcio. */
export async function startJsServer(answer: Buffer): Promise<AnsweringServer> {
  const server = new Server(UNLIMITED);
  const asIs = (bytes: Buffer): Buffer => bytes;
  server.addService({ Predict: { path: PREDICT, requestStream: false, responseStream: false, requestSerialize: asIs, requestDeserialize: asIs, responseSerialize: asIs, responseDeserialize: asIs } }, {
    Predict: (_call: unknown, done: (error: null, bytes: Buffer) => void) => { done(null, answer); },
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => { if (error === null) resolve(bound); else reject(error); });
  });
  return { endpoint: `127.0.0.1:${String(port)}`, close: () => new Promise((resolve) => { server.tryShutdown(() => { resolve(); }); }) };
}

/** Python's client makes the calls. @returns ms that they took */
export async function callsOfPython(python: string, endpoint: string, { bytes, calls, inFlight }: { readonly bytes: number; readonly calls: number; readonly inFlight: number }): Promise<number> {
  const child = spawn(python, [SCRIPT, 'call', endpoint.split(':')[1] ?? '', String(bytes), String(calls), String(inFlight)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => { output += chunk.toString(); });
  const code = await new Promise((resolve, reject) => { child.once('error', reject); child.once('close', resolve); });
  if (code !== 0) throw new Error(`grpcio_peer.py ended with ${String(code)}`);
  return Number(output) * 1_000;
}

/** A client of bare grpc-js: bytes in, bytes out. */
export function bareClient(endpoint: string): { call: (bytes: Buffer) => Promise<void>; close: () => void } {
  const client = new Client(endpoint, credentials.createInsecure(), { ...UNLIMITED, 'grpc.use_local_subchannel_pool': 1, 'grpc.enable_channelz': 0 });
  const asIs = (bytes: Buffer): Buffer => bytes;
  return {
    call: (bytes) =>
      new Promise((resolve, reject) => {
        client.makeUnaryRequest(PREDICT, asIs, asIs, bytes, new Metadata(), { deadline: Date.now() + 30_000 }, (error) => { if (error === null) resolve(); else reject(error); });
      }),
    close: () => { client.close(); },
  };
}
