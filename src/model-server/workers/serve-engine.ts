import { once } from 'node:events';
import { Socket } from 'node:net';
import { ConfigError } from '../../core/errors.js';
import { GrpcStatusError } from '../../serving/grpc-server.js';
import { GrpcStatus } from '../../serving/grpc-status.js';
import { MessageMemory } from '../../serving/message-memory.js';
import { predictRequestCodec } from '../../serving/predict-messages.js';
import { responseStretches } from '../../serving/predict-request-writer.js';
import { decodeTensor } from '../../serving/tensor-codec.js';
import type { Logger } from '../../telemetry/logger.js';
import type { LoadedServable } from '../engines/engine.js';
import { PIPE_DESCRIPTOR } from '../node-process.js';
import { FrameReader, frameStretches, type Frame } from './frames.js';
import { asLoadOrder, type LoadOrder, type WorkerFacts, type WorkerMessage } from './worker-messages.js';

/** A servable, and what is told of it. */
export type ServedEngine = { readonly servable: LoadedServable; readonly facts: Omit<WorkerFacts, 'residentMib'> };

const MIB = 1024 * 1024;

/** Serves an engine to the process that started this one: waits for its order, loads, computes one call after the other, and ends with it.
 *
 * SIGINT, which a terminal sends to all processes, is the parent's affair; SIGTERM ends the process at once, also while it computes. */
export async function serveEngine(load: (order: LoadOrder) => Promise<ServedEngine>, log: Logger): Promise<void> {
  process.on('SIGINT', () => undefined);
  process.on('disconnect', () => process.exit(0));
  const order = asLoadOrder((await once(process, 'message') as unknown[])[0]);
  if (order === null) throw new TypeError('Expected an order to load');
  try {
    const { servable, facts } = await load(order);
    answerCalls(servable, log);
    tellParent({ type: 'loaded', facts: { ...facts, residentMib: residentMib() } });
  } catch (error) {
    if (!(error instanceof ConfigError)) {
      log.error(error instanceof Error ? error.message : String(error));
      process.exit(1);
    }
    tellParent({ type: 'failed', problems: error.issues.map(({ message }) => message) });
  }
}

function answerCalls(servable: LoadedServable, log: Logger): void {
  const memory = new MessageMemory();
  const pipe = new Socket({ fd: PIPE_DESCRIPTOR, readable: true, writable: true });
  const reader = new FrameReader({
    take: (byteLength) => memory.take(byteLength),
    onFrame: (call, taken) => {
      void answer(servable, call, pipe).finally(() => {
        memory.give(taken);
      });
    },
  });
  pipe.on('data', (chunk: Buffer) => {
    try {
      reader.push(chunk);
    } catch (error) {
      log.error(`cannot read what the server sends: ${error instanceof Error ? error.message : String(error)}`);
      process.exit(1);
    }
  });
  for (const event of ['end', 'error']) pipe.on(event, () => process.exit(0));
}

async function answer(servable: LoadedServable, call: Frame, pipe: Socket): Promise<void> {
  let status = 0;
  let body: Uint8Array[];
  try {
    body = await compute(servable, call.body);
    // Answers that cannot travel are told as failures, too.
    frameStretches({ callId: 0, status: 0, residentMib: 0 }, body);
  } catch (error) {
    status = error instanceof GrpcStatusError ? error.grpcCode : GrpcStatus.INTERNAL;
    body = [Buffer.from(error instanceof Error ? error.message : String(error))];
  }
  pipe.cork();
  for (const stretch of frameStretches({ callId: call.callId, status, residentMib: residentMib() }, body)) pipe.write(stretch);
  pipe.uncork();
}

async function compute(servable: LoadedServable, bytes: Buffer): Promise<Uint8Array[]> {
  const request = predictRequestCodec.decode(bytes);
  const inputs = new Map([...request.inputs].map(([name, proto]) => [name, decodeTensor(proto, { name })]));
  return responseStretches(await servable.run(inputs, request.outputFilter));
}

function residentMib(): number {
  return Math.ceil(process.memoryUsage.rss() / MIB);
}

function tellParent(message: WorkerMessage): void {
  process.send?.(message, undefined, undefined, () => {
    if (message.type === 'failed') process.exit(2);
  });
}
