// Stands in for ffmpeg: writes pictures and times as a decode does, and goes wrong as its script says. Arguments: folder of the script, then ffmpeg's own.
import { appendFileSync, readFileSync, writeSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { setInterval } from 'node:timers';

/** Descriptors of the outputs, as `FrameReader` has them. */
const FDS = { model: 0, display: 1, times: 3 };
const BITS = 10;

const [folder = '.', ...args] = process.argv.slice(2);
/** @type {(text: string) => import('./stand-in-ffmpeg.js').StandInScript} */
const parse = JSON.parse;
const script = parse(readFileSync(`${folder}/script.json`, 'utf8'));
const log = `${folder}/runs.jsonl`;
const run = readFileSync(log, 'utf8').split('\n').filter((line) => line.includes('"args"')).length;
const tell = (/** @type {object} */ fact) => { appendFileSync(log, `${JSON.stringify({ run, ...fact })}\n`); };
tell({ args });

const plan = script.runs[Math.min(run, script.runs.length - 1)] ?? {};
const { from = 0, frames = 0, intervalMs = 40, only = null, onlyAfter = 0, partial = {}, stderr = [], then = 'exit', exitCode = 0 } = plan;

/** As many upright bars as a number has bits, see `numberedClip`; over the whole height, so that it does not matter where a letterbox lies. */
function picture(/** @type {number} */ number, /** @type {{ widthPx: number, heightPx: number }} */ { widthPx, heightPx }, /** @type {number} */ bytesPerPixel) {
  const row = Buffer.alloc(widthPx * bytesPerPixel, 255);
  for (let x = 0; x < widthPx; x += 1) row.fill((number >> Math.floor((x * BITS) / widthPx)) & 1 ? 235 : 16, x * bytesPerPixel, x * bytesPerPixel + 3);
  return Buffer.concat(Array.from({ length: heightPx }, () => row));
}

function write(/** @type {number} */ fd, /** @type {Buffer} */ bytes) {
  for (let offset = 0; offset < bytes.length; ) offset += writeSync(fd, bytes, offset);
}

const parts = (/** @type {number} */ number) => ({
  model: picture(number, script.modelSize, 3),
  display: picture(number, script.displaySize, 4),
  times: Buffer.from(`frame:${String(number)}    pts:${String(number * script.ticksPerFrame)}    pts_time:${String(number / 25)}\nsightline=1\n`),
});

for (const line of stderr) process.stderr.write(`${line}\n`);
const startMs = performance.now();
let slowestMs = 0;
for (let at = 0; at < frames; at += 1) {
  const outputs = parts(from + at);
  for (const name of /** @type {const} */ (['times', 'model', 'display'])) {
    if (at >= onlyAfter && only !== null && !only.includes(name)) continue;
    const beforeMs = performance.now();
    write(FDS[name], outputs[name]);
    slowestMs = Math.max(slowestMs, performance.now() - beforeMs);
  }
  tell({ written: at + 1, slowestMs });
  const waitMs = startMs + (at + 1) * intervalMs - performance.now();
  if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
}
const last = parts(from + frames);
for (const name of /** @type {const} */ (['times', 'model', 'display'])) {
  const bytes = partial[name] ?? 0;
  if (bytes > 0) write(FDS[name], last[name].subarray(0, bytes));
}
if (then === 'hang') setInterval(() => undefined, 60_000);
else process.exit(exitCode);
