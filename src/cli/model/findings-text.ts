import type { DetectedFrame, Detection } from '../../core/frames.js';

/** What was found on a picture, as a table for people; every line ends with a newline. */
export function describeFindings(image: string, { frame, detections, classes = [], timingsMs }: DetectedFrame): string {
  const { widthPx, heightPx } = frame.sourceSize;
  const rows = [...classes.map(({ label, score }) => [score.toFixed(2), label, 'whole picture']), ...detections.map(describeDetection)];
  const head = `${image}  ${String(widthPx)}x${String(heightPx)}  ${timingsMs.predict.toFixed(0)} ms`;
  if (rows.length === 0) return `${head}\n  nothing above the threshold\n`;
  return `${head}\n${table([['score', 'class', 'box x1,y1 x2,y2'], ...rows])}`;
}

function describeDetection({ label, score, box: [x1, y1, x2, y2], mask, keypoints }: Detection): readonly string[] {
  const whole = (value: number): string => value.toFixed(0);
  const extras = [mask === undefined ? null : 'mask', keypoints === undefined ? null : `${String(keypoints.length)} keypoints`].filter((extra) => extra !== null);
  return [score.toFixed(2), label, [`${whole(x1)},${whole(y1)} ${whole(x2)},${whole(y2)}`, ...extras].join('  ')];
}

/** Columns side by side, each as wide as its widest text. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => `  ${row.map((text, column) => text.padEnd(widths[column] ?? 0)).join('  ').trimEnd()}\n`).join('');
}
