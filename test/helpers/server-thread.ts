import { status } from '@grpc/grpc-js';
import { GrpcStatusError } from '../../src/serving/grpc-server.js';
import { detectionOutputs, type FakeDetection, type FakeScript } from './fake-serving.js';

/** A model server that computes one batch after the other: `perCallMs + perImageMs · n`. Every field may be changed while it runs. */
export type ServerThread = {
  perCallMs: number;
  perImageMs: number;
  /** Batches that may wait behind the one that is computed; one more is turned away as TensorFlow Serving's batch scheduler does. */
  queueLimit: number;
  /** Batches and images that were answered, and batches that were turned away. */
  batches: number;
  images: number;
  turnedAway: number;
};

const ONE_CLOCK: readonly FakeDetection[] = [{ classId: 85, score: 0.9, box: [0.25, 0.25, 0.75, 0.75] }];

/** Makes a thread and the answers that it gives. It keeps a clock of its own, so that timers that fire late do not make it slower. */
export function serverThread(facts: Partial<ServerThread> = {}): { readonly thread: ServerThread; readonly predict: NonNullable<FakeScript['predict']> } {
  const thread: ServerThread = { perCallMs: 15, perImageMs: 1, queueLimit: Infinity, batches: 0, images: 0, turnedAway: 0, ...facts };
  let freeAtMs = 0;
  let inside = 0;
  const predict: FakeScript['predict'] = async ({ inputs }) => {
    if (inside > thread.queueLimit) {
      thread.turnedAway += 1;
      throw new GrpcStatusError(status.UNAVAILABLE, 'The batch scheduling queue to which this request was submitted is full; task size: 1');
    }
    const images = [...inputs.values()][0]?.shape[0] ?? 0;
    inside += 1;
    freeAtMs = Math.max(performance.now(), freeAtMs) + thread.perCallMs + thread.perImageMs * images;
    await new Promise((resolve) => setTimeout(resolve, freeAtMs - performance.now()));
    inside -= 1;
    thread.batches += 1;
    thread.images += images;
    return detectionOutputs(Array.from({ length: images }, () => ONE_CLOCK), 1);
  };
  return { thread, predict };
}
