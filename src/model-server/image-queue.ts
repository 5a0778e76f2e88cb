import { setImmediate as nextTurn } from 'node:timers/promises';
import { GrpcStatusError, type CallContext } from '../serving/grpc-server.js';
import { GrpcStatus } from '../serving/grpc-status.js';

/** What waits: all images of one request. */
type Job = {
  readonly imageCount: number;
  readonly isAbandoned: () => boolean;
  readonly compute: (index: number) => Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  done: number;
};

/** Runs requests one after the other, image by image, for a graph that takes one image at a time on one thread. Bounded; requests that nobody waits
 * for any more are not computed. */
export class ImageQueue {
  readonly #maxQueuedImages: number;
  readonly #jobs: Job[] = [];
  #current: Job | null = null;
  /** From the first request until nothing waits: between two requests none is current, and yet there must be no second worker. */
  #isDraining = false;
  #draining: Promise<void> = Promise.resolve();
  #closed = false;

  /** @param maxQueuedImages images that may wait; a request larger than this is taken when nothing else waits */
  constructor(maxQueuedImages: number) {
    this.#maxQueuedImages = maxQueuedImages;
  }

  /** Images that wait or are being computed. */
  get queuedImages(): number {
    return [...this.#jobs, ...(this.#current === null ? [] : [this.#current])].reduce((sum, job) => sum + job.imageCount - job.done, 0);
  }

  /** Computes every image of a request, in order.
   * @throws {GrpcStatusError} UNAVAILABLE when the queue is full or closed, CANCELLED or DEADLINE_EXCEEDED when the caller is gone before its turn */
  run<T>(imageCount: number, context: Pick<CallContext, 'signal' | 'deadlineAtMs'>, compute: (index: number) => Promise<T>): Promise<T[]> {
    const queued = this.queuedImages;
    if (this.#closed) throw shuttingDown();
    if (queued > 0 && queued + imageCount > this.#maxQueuedImages) {
      const text = `currently ${String(queued)} batches enqueued and max_enqueued_batches is ${String(this.#maxQueuedImages)}`;
      throw new GrpcStatusError(GrpcStatus.UNAVAILABLE, `The batch scheduling queue to which this task was submitted is full; ${text}`);
    }
    const results: T[] = [];
    return new Promise<T[]>((resolve, reject) => {
      const job: Job = {
        imageCount,
        isAbandoned: () => context.signal.aborted || (context.deadlineAtMs !== null && context.deadlineAtMs <= Date.now()),
        compute: async (index) => {
          results.push(await compute(index));
        },
        resolve: () => {
          resolve(results);
        },
        reject,
        done: 0,
      };
      this.#jobs.push(job);
      context.signal.addEventListener('abort', () => {
        this.#forget(job);
      });
      if (!this.#isDraining) this.#draining = this.#drain();
    });
  }

  /** Refuses what waits and resolves when what is being computed has ended. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const job of this.#jobs.splice(0)) job.reject(shuttingDown());
    await this.#draining;
  }

  #forget(job: Job): void {
    const index = this.#jobs.indexOf(job);
    if (index < 0) return;
    this.#jobs.splice(index, 1);
    job.reject(abandoned());
  }

  async #drain(): Promise<void> {
    this.#isDraining = true;
    for (;;) {
      // Computing blocks the process: cancellations that have come in meanwhile are read here.
      await nextTurn();
      const job = this.#jobs.shift();
      if (job === undefined) {
        this.#isDraining = false;
        return;
      }
      this.#current = job;
      try {
        await this.#compute(job);
        job.resolve();
      } catch (error) {
        job.reject(error instanceof Error ? error : new Error(String(error)));
      } finally {
        this.#current = null;
      }
    }
  }

  async #compute(job: Job): Promise<void> {
    for (; job.done < job.imageCount; job.done += 1) {
      if (job.done > 0) await nextTurn();
      if (job.isAbandoned()) throw abandoned();
      if (this.#closed) throw shuttingDown();
      await job.compute(job.done);
    }
  }
}

function abandoned(): GrpcStatusError {
  return new GrpcStatusError(GrpcStatus.CANCELLED, 'The caller is gone');
}

function shuttingDown(): GrpcStatusError {
  return new GrpcStatusError(GrpcStatus.UNAVAILABLE, 'The server is shutting down');
}
