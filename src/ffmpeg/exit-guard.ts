import type { ChildProcess } from 'node:child_process';

/** Children that must not outlive this process. One list and one listener for all of them: a listener each would pass Node's limit of 10. */
const guarded = new Set<ChildProcess>();

function killAll(): void {
  for (const child of guarded) child.kill('SIGKILL');
}

/** Kills `child` when this process exits in an orderly way; a SIGKILL of this process is the business of `setpriv --pdeathsig`.
 * @returns the (idempotent) way to end the watch, to be called when the child is gone */
export function guardAgainstOrphans(child: ChildProcess): () => void {
  if (guarded.size === 0) process.on('exit', killAll);
  guarded.add(child);
  return () => {
    if (guarded.delete(child) && guarded.size === 0) process.off('exit', killAll);
  };
}
