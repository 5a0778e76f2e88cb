/** Signals that ask for a clean end, with the exit code that a second one ends with at once. */
const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;

export type Shutdown = {
  /** Resolves with the first signal. */
  readonly requested: Promise<NodeJS.Signals>;
  readonly signal: AbortSignal;
  /** Takes the listeners away again. Idempotent. */
  dispose(): void;
};

/** Listens for SIGINT and SIGTERM: the first asks for a clean end, a second one ends the process at once. */
export function onShutdown(): Shutdown {
  const controller = new AbortController();
  let resolveRequested: (signal: NodeJS.Signals) => void;
  const requested = new Promise<NodeJS.Signals>((resolve) => {
    resolveRequested = resolve;
  });
  const listeners = Object.entries(SIGNALS).map(([name, exitCode]) => {
    const signal = name as NodeJS.Signals;
    const listener = (): void => {
      if (controller.signal.aborted) process.exit(exitCode);
      controller.abort();
      resolveRequested(signal);
    };
    process.on(signal, listener);
    return { signal, listener };
  });
  return {
    requested,
    signal: controller.signal,
    dispose: () => {
      for (const { signal, listener } of listeners) process.off(signal, listener);
    },
  };
}
