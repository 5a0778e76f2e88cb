import { SingleBar } from 'cli-progress';

export interface Progress {
  /** @param done frames written @param total frames that the file has, or `null` when it does not tell */
  update(done: number, total: number | null): void;
  close(): void;
}

/** A progress bar on a terminal, nothing elsewhere: standard error may be a log file. */
export function createProgress(stream: NodeJS.WriteStream): Progress {
  if (!stream.isTTY) return { update: () => undefined, close: () => undefined };
  const startMs = performance.now();
  let bar: SingleBar | null = null;
  return {
    update: (done, total) => {
      if (bar === null) {
        const format = total === null ? '{value} frames · {fps} fps' : '{bar} {percentage} % · {value}/{total} frames · {fps} fps · {eta_formatted} left';
        bar = new SingleBar({ format, stream, hideCursor: true, clearOnComplete: false, barCompleteChar: '█', barIncompleteChar: '░', etaBuffer: 50 });
        bar.start(total ?? 0, 0, { fps: '–' });
      }
      // A file can hold more frames than it announces.
      if (total !== null && done > bar.getTotal()) bar.setTotal(done);
      bar.update(done, { fps: ((done * 1000) / Math.max(1, performance.now() - startMs)).toFixed(1) });
    },
    close: () => {
      bar?.stop();
      bar = null;
    },
  };
}
