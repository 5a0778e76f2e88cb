import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { ImageQueue } from '../../src/model-server/image-queue.js';

const waiting = { signal: new AbortController().signal, deadlineAtMs: null };

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

describe('ImageQueue', () => {
  it('computes all images of a request before those of the next, in order', async () => {
    const queue = new ImageQueue(10);
    const seen: string[] = [];
    const compute = (name: string) => (index: number) => {
      seen.push(`${name}${String(index)}`);
      return Promise.resolve(index);
    };
    expect(await Promise.all([queue.run(2, waiting, compute('a')), queue.run(1, waiting, compute('b'))])).toEqual([[0, 1], [0]]);
    expect(seen).toEqual(['a0', 'a1', 'b0']);
    expect(queue.queuedImages).toBe(0);
    await queue.close();
  });

  it("answers UNAVAILABLE with TensorFlow Serving's words when it is full, and takes a large request when it is empty", async () => {
    const queue = new ImageQueue(3);
    const first = gate();
    const large = queue.run(5, waiting, () => first.promise);
    expect(() => queue.run(1, waiting, () => first.promise)).toThrow(
      expect.objectContaining({ grpcCode: 14, message: 'The batch scheduling queue to which this task was submitted is full; currently 5 batches enqueued and max_enqueued_batches is 3' }),
    );
    first.open();
    await large;
    await expect(queue.run(1, waiting, () => Promise.resolve(1))).resolves.toEqual([1]);
    await queue.close();
  });

  it('does not compute what was cancelled before its turn, and makes its place free at once', async () => {
    const queue = new ImageQueue(2);
    const first = gate();
    const running = queue.run(1, waiting, () => first.promise);
    await nextTurn();
    const stop = new AbortController();
    let computed = false;
    const cancelled = queue.run(1, { signal: stop.signal, deadlineAtMs: null }, () => Promise.resolve((computed = true)));
    stop.abort();
    await expect(cancelled).rejects.toMatchObject({ grpcCode: 1 });
    expect(queue.queuedImages).toBe(1);
    first.open();
    await running;
    expect(computed).toBe(false);
    await queue.close();
  });

  it('stops between the images of a request whose deadline has passed', async () => {
    const queue = new ImageQueue(10);
    let computed = 0;
    const context = { signal: new AbortController().signal, deadlineAtMs: Date.now() + 20 };
    const compute = (): Promise<number> => new Promise((resolve) => setTimeout(() => { resolve((computed += 1)); }, 30));
    await expect(queue.run(50, context, compute)).rejects.toMatchObject({ grpcCode: 1 });
    expect(computed).toBe(1);
    await queue.close();
  });

  it('goes on after a computation that throws', async () => {
    const queue = new ImageQueue(10);
    const broken = queue.run(1, waiting, () => Promise.reject(new Error('kernel')));
    const sound = queue.run(1, waiting, () => Promise.resolve('ok'));
    await expect(broken).rejects.toThrow('kernel');
    await expect(sound).resolves.toEqual(['ok']);
    await queue.close();
  });

  it('refuses what waits when it is closed, twice, and waits for what is computed', async () => {
    const queue = new ImageQueue(10);
    const first = gate();
    const running = queue.run(1, waiting, () => first.promise);
    await nextTurn();
    const behind = queue.run(1, waiting, () => first.promise);
    const refused = expect(behind).rejects.toMatchObject({ grpcCode: 14 });
    const closed = Promise.all([queue.close(), queue.close()]);
    await refused;
    first.open();
    await expect(running).resolves.toEqual(['done']);
    await closed;
    expect(() => queue.run(1, waiting, () => first.promise)).toThrow('shutting down');
  });

  it('computes one image at a time, also when requests come in right after an answer', async () => {
    const queue = new ImageQueue(10);
    let atWork = 0;
    let most = 0;
    const compute = async (): Promise<void> => {
      most = Math.max(most, (atWork += 1));
      await nextTurn();
      await nextTurn();
      atWork -= 1;
    };
    await queue.run(1, waiting, compute);
    await Promise.all([queue.run(1, waiting, compute), queue.run(1, waiting, compute)]);
    expect(most).toBe(1);
    await queue.close();
  });
});
