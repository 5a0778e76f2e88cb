import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CallQueue, type Part } from '../../../src/model-server/workers/call-queue.js';

const waiting = { signal: new AbortController().signal, deadlineAtMs: null };

type Worker = { readonly name: string };

/** A queue with so many workers, each of which computes by `compute` and offers itself again. */
function queueWith(workers: number, maxQueuedImages = 100, partSize: (images: number) => number = () => 1): { queue: CallQueue<Worker>; by: <T>(compute: (part: Part, worker: Worker) => Promise<T>) => (worker: Worker, part: Part) => Promise<T> } {
  const queue = new CallQueue<Worker>({ maxQueuedImages: () => maxQueuedImages, partSize });
  for (let index = 0; index < workers; index += 1) queue.offer({ name: `w${String(index)}` });
  const by = <T>(compute: (part: Part, worker: Worker) => Promise<T>) => async (worker: Worker, part: Part): Promise<T> => {
    try {
      return await compute(part, worker);
    } finally {
      queue.offer(worker);
    }
  };
  return { queue, by };
}

/** A computation that ends when told to. */
function gate(): { promise: Promise<string>; open: () => void } {
  let open: () => void = () => undefined;
  const promise = new Promise<string>((resolve) => {
    open = () => {
      resolve('done');
    };
  });
  return { promise, open };
}

describe('CallQueue', () => {
  it('computes all images of a request before those of the next, in order', async () => {
    const { queue, by } = queueWith(1);
    const seen: string[] = [];
    const compute = (name: string): ((worker: Worker, part: Part) => Promise<number>) => by(({ begin }) => {
      seen.push(`${name}${String(begin)}`);
      return Promise.resolve(begin);
    });
    expect(await Promise.all([queue.run(2, waiting, compute('a')), queue.run(1, waiting, compute('b'))])).toEqual([[0, 1], [0]]);
    expect(seen).toEqual(['a0', 'a1', 'b0']);
    expect(queue.queuedImages).toBe(0);
    await queue.close();
  });

  it('gives every image of every request to one worker, once, in parts of the size asked for, and results in order', async () => {
    const request = fc.record({ images: fc.integer({ min: 1, max: 9 }), turns: fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 9, maxLength: 9 }) });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 }), fc.array(request, { maxLength: 5 }), async (workers, partSize, requests) => {
        const { queue, by } = queueWith(workers, 1000, () => partSize);
        const busy = new Set<Worker>();
        const answers = await Promise.all(
          requests.map(({ images, turns }) =>
            queue.run(
              images,
              waiting,
              by(async (part, worker) => {
                expect(busy.has(worker)).toBe(false);
                busy.add(worker);
                for (let turn = 0; turn < (turns[part.begin] ?? 0); turn += 1) await nextTurn();
                busy.delete(worker);
                return part;
              }),
            ),
          ),
        );
        answers.forEach((parts, index) => {
          const images = requests[index]?.images ?? 0;
          expect(parts).toEqual(Array.from({ length: Math.ceil(images / partSize) }, (_, at) => ({ begin: at * partSize, end: Math.min(images, (at + 1) * partSize) })));
        });
        expect(queue.queuedImages).toBe(0);
        await queue.close();
      }),
      { numRuns: 50 },
    );
  });

  it("answers UNAVAILABLE with TensorFlow Serving's words when it is full, and takes a large request when it is empty", async () => {
    const { queue, by } = queueWith(1, 3);
    const first = gate();
    const large = queue.run(5, waiting, by(() => first.promise));
    expect(() => queue.run(1, waiting, by(() => first.promise))).toThrow(
      expect.objectContaining({ grpcCode: 14, message: 'The batch scheduling queue to which this task was submitted is full; currently 5 batches enqueued and max_enqueued_batches is 3' }),
    );
    first.open();
    await large;
    await expect(queue.run(1, waiting, by(() => Promise.resolve(1)))).resolves.toEqual([1]);
    await queue.close();
  });

  it('does not compute what was cancelled before its turn, and makes its place free at once', async () => {
    const { queue, by } = queueWith(1, 2);
    const first = gate();
    const running = queue.run(1, waiting, by(() => first.promise));
    const stop = new AbortController();
    let computed = false;
    const cancelled = queue.run(1, { signal: stop.signal, deadlineAtMs: null }, by(() => Promise.resolve((computed = true))));
    stop.abort();
    await expect(cancelled).rejects.toMatchObject({ grpcCode: 1 });
    expect(queue.queuedImages).toBe(1);
    first.open();
    await running;
    expect(computed).toBe(false);
    await queue.close();
  });

  it('stops between the images of a request whose deadline has passed', async () => {
    const { queue, by } = queueWith(1);
    let computed = 0;
    const context = { signal: new AbortController().signal, deadlineAtMs: Date.now() + 20 };
    const compute = (): Promise<number> => new Promise((resolve) => setTimeout(() => { resolve((computed += 1)); }, 30));
    await expect(queue.run(50, context, by(compute))).rejects.toMatchObject({ grpcCode: 1 });
    expect(computed).toBe(1);
    await queue.close();
  });

  it('fails a request with its first part that fails, and goes on with the next', async () => {
    const { queue, by } = queueWith(2);
    const seen: number[] = [];
    const broken = queue.run(5, waiting, by(({ begin }) => {
      seen.push(begin);
      return Promise.reject(new Error('kernel'));
    }));
    const sound = queue.run(1, waiting, by(() => Promise.resolve('ok')));
    await expect(broken).rejects.toThrow('kernel');
    await expect(sound).resolves.toEqual(['ok']);
    expect(seen).toEqual([0, 1]);
    await queue.close();
  });

  it('gives nothing to a worker that was withdrawn, until it is offered again', async () => {
    const queue = new CallQueue<Worker>({ maxQueuedImages: () => 10, partSize: () => 1 });
    const worker = { name: 'only' };
    queue.offer(worker);
    queue.withdraw(worker);
    let computed = 0;
    const running = queue.run(1, waiting, () => Promise.resolve((computed += 1)));
    await nextTurn();
    expect(computed).toBe(0);
    queue.offer(worker);
    await expect(running).resolves.toEqual([1]);
    await queue.close();
  });

  it('refuses what waits when it is closed, twice, and waits for what is computed', async () => {
    const { queue, by } = queueWith(1);
    const first = gate();
    const running = queue.run(1, waiting, by(() => first.promise));
    const behind = queue.run(1, waiting, by(() => first.promise));
    const refused = expect(behind).rejects.toMatchObject({ grpcCode: 14 });
    const closed = Promise.all([queue.close(), queue.close()]);
    await refused;
    first.open();
    await expect(running).resolves.toEqual(['done']);
    await closed;
    expect(() => queue.run(1, waiting, by(() => first.promise))).toThrow('shutting down');
  });
});
