const MAX_LINES = 20;
const MAX_CHARACTERS = 4096;

/** The last lines of what ffmpeg wrote, for a status: at most 20 and 4 KB, oldest first, none empty.
 * @param stderrTail redacted */
export function stderrLog(stderrTail: string): readonly string[] {
  const lines = stderrTail.slice(-MAX_CHARACTERS).split('\n');
  return lines.filter((line) => line.trim() !== '').slice(-MAX_LINES);
}
