import { GrpcStatusError, type CallContext } from '../../serving/grpc-server.js';
import { GrpcStatus } from '../../serving/grpc-status.js';

/** Images of a request that one worker computes at once: from `begin` up to, without it, `end`. */
export type Part = { readonly begin: number; readonly end: number };

export type CallQueueOptions = {
  /** Images that may wait or be computed; a request larger than this is taken when there is no other. */
  readonly maxQueuedImages: () => number;
  /** Images that one worker computes at once, of a request of so many; a request that cannot be divided is one image. */
  readonly partSize: (imageCount: number) => number;
};

/** What waits or is computed: all images of one request. */
type Job<W> = {
  readonly imageCount: number;
  readonly partSize: number;
  readonly isAbandoned: () => boolean;
  readonly compute: (worker: W, part: Part) => Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  /** Images given to workers, and those that have come back. */
  taken: number;
  done: number;
};

/** Gives the parts of requests to idle workers, first come, first served. Bounded; what nobody waits for any more is not computed. */
export class CallQueue<W> {
  readonly #options: CallQueueOptions;
  /** Requests that have images which no worker has taken, in order. */
  readonly #waiting: Job<W>[] = [];
  readonly #jobs = new Set<Job<W>>();
  readonly #idle = new Set<W>();
  /** Parts that are being computed, for requests that are still wanted and for others. */
  readonly #computing = new Map<W, Promise<void>>();
  /** Workers that offered themselves again before it is known here how their part ended. */
  readonly #returning = new Set<W>();
  #closed = false;

  constructor(options: CallQueueOptions) {
    this.#options = options;
  }

  /** Images that wait or are being computed. */
  get queuedImages(): number {
    return [...this.#jobs].reduce((sum, job) => sum + job.imageCount - job.done, 0);
  }

  /** A worker has nothing to do. */
  offer(worker: W): void {
    if (this.#computing.has(worker)) {
      this.#returning.add(worker);
      return;
    }
    this.#idle.add(worker);
    this.#dispatch();
  }

  /** A worker takes no more work, until it is offered again. */
  withdraw(worker: W): void {
    this.#idle.delete(worker);
    this.#returning.delete(worker);
  }

  /** Computes every image of a request.
   * @param compute one part, by a worker that offers itself again when it can take another
   * @returns the results in the order of the images, one a part
   * @throws {GrpcStatusError} UNAVAILABLE when the queue is full or closed, CANCELLED when the caller is gone or its deadline has passed before its turn */
  run<T>(imageCount: number, context: Pick<CallContext, 'signal' | 'deadlineAtMs'>, compute: (worker: W, part: Part) => Promise<T>): Promise<T[]> {
    if (this.#closed) throw shuttingDown();
    const queued = this.queuedImages;
    const { partSize } = this.#options;
    const maxQueuedImages = this.#options.maxQueuedImages();
    if (queued > 0 && queued + imageCount > maxQueuedImages) {
      const text = `currently ${String(queued)} batches enqueued and max_enqueued_batches is ${String(maxQueuedImages)}`;
      throw new GrpcStatusError(GrpcStatus.UNAVAILABLE, `The batch scheduling queue to which this task was submitted is full; ${text}`);
    }
    const size = Math.max(1, partSize(imageCount));
    const results = new Array<T>(Math.ceil(imageCount / size));
    return new Promise<T[]>((resolve, reject) => {
      const onAbort = (): void => {
        this.#fail(job, abandoned());
      };
      const job: Job<W> = {
        imageCount,
        partSize: size,
        isAbandoned: () => context.signal.aborted || (context.deadlineAtMs !== null && context.deadlineAtMs <= Date.now()),
        compute: async (worker, part) => {
          results[part.begin / size] = await compute(worker, part);
        },
        resolve: () => {
          context.signal.removeEventListener('abort', onAbort);
          resolve(results);
        },
        reject: (error) => {
          context.signal.removeEventListener('abort', onAbort);
          reject(error);
        },
        taken: 0,
        done: 0,
      };
      this.#jobs.add(job);
      this.#waiting.push(job);
      context.signal.addEventListener('abort', onAbort);
      this.#dispatch();
    });
  }

  /** Fails what waits: there is nobody who could compute it. */
  refuseWaiting(error: Error): void {
    for (const job of [...this.#waiting]) this.#fail(job, error);
  }

  /** Refuses what waits and resolves when what is being computed has ended. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    this.refuseWaiting(shuttingDown());
    await Promise.all(this.#computing.values());
  }

  #dispatch(): void {
    for (const worker of this.#idle) {
      const job = this.#next();
      if (job === null) return;
      this.#idle.delete(worker);
      this.#computing.set(worker, this.#compute(job, worker));
    }
  }

  /** The first request that has images left and somebody who waits for them. */
  #next(): Job<W> | null {
    for (let job = this.#waiting[0]; job !== undefined; job = this.#waiting[0]) {
      if (!job.isAbandoned()) return job;
      this.#fail(job, abandoned());
    }
    return null;
  }

  async #compute(job: Job<W>, worker: W): Promise<void> {
    const part = { begin: job.taken, end: Math.min(job.imageCount, job.taken + job.partSize) };
    job.taken = part.end;
    if (job.taken === job.imageCount) this.#forget(job);
    try {
      await job.compute(worker, part);
      job.done += part.end - part.begin;
      if (job.done < job.imageCount) return;
      this.#jobs.delete(job);
      job.resolve();
    } catch (error) {
      this.#fail(job, error instanceof Error ? error : new Error(String(error)));
    } finally {
      this.#computing.delete(worker);
      if (this.#returning.delete(worker)) this.offer(worker);
    }
  }

  /** Its other parts that are being computed end for nothing. */
  #fail(job: Job<W>, error: Error): void {
    this.#forget(job);
    this.#jobs.delete(job);
    job.reject(error);
  }

  #forget(job: Job<W>): void {
    const index = this.#waiting.indexOf(job);
    if (index >= 0) this.#waiting.splice(index, 1);
  }
}

function abandoned(): GrpcStatusError {
  return new GrpcStatusError(GrpcStatus.CANCELLED, 'The caller is gone');
}

function shuttingDown(): GrpcStatusError {
  return new GrpcStatusError(GrpcStatus.UNAVAILABLE, 'The server is shutting down');
}
