export type UntilOptions = { readonly timeoutMs?: number; readonly what?: string };

/** Waits until `condition` holds (or gives a value that is neither `false`, `null` nor `undefined`) and returns what it gave.
 * @throws {Error} when it does not within `timeoutMs` (default 10 s) */
export async function until<T>(condition: () => T | Promise<T>, options: UntilOptions = {}): Promise<NonNullable<T>> {
  const timeoutMs = options.timeoutMs ?? 10_000;
  const endMs = performance.now() + timeoutMs;
  for (;;) {
    const value = await condition();
    if (value !== false && value !== null && value !== undefined) return value;
    if (performance.now() > endMs) throw new Error(`Waited ${String(timeoutMs)} ms in vain for ${options.what ?? condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
