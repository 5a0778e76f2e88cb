import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { createAnnotator } from '../../src/annotation/annotator.js';
import type { DetectedFrame, VideoFrame } from '../../src/core/frames.js';
import { letterbox } from '../../src/core/geometry.js';
import { DEMO_SIZE } from '../../src/demo/street-scene.js';
import type { LoadedServable } from '../../src/model-server/engines/engine.js';

const MODEL_SIZE = { widthPx: 512, heightPx: 512 };
const LETTERBOX = letterbox(DEMO_SIZE, MODEL_SIZE);
const MODEL_FD = 3;
const DISPLAY_FD = 4;

/** The least that can be done for a frame, in one process and one loop: the same two outputs of ffmpeg, the model by a call, the same JPEG encoder. No server, no viewer,
 * no clock: the next frame when this one is done.
 * @param clip the demo clip
 * @returns frames that it got through */
export async function runBareLoop(clip: string, model: LoadedServable, forMs: number): Promise<number> {
  const { content, offsetXPx, offsetYPx } = LETTERBOX;
  const graph = `split[a][b];[a]scale=${String(content.widthPx)}:${String(content.heightPx)},pad=512:512:${String(offsetXPx)}:${String(offsetYPx)}:0x727272,format=rgb24[model];[b]format=rgba[display]`;
  const outputs = [['model', MODEL_FD], ['display', DISPLAY_FD]].flatMap(([label, fd]) => ['-map', `[${String(label)}]`, '-f', 'rawvideo', `pipe:${String(fd)}`]);
  const child = spawn('ffmpeg', ['-nostdin', '-loglevel', 'error', '-stream_loop', '-1', '-i', clip, '-filter_complex', graph, ...outputs], { stdio: ['ignore', 'ignore', 'inherit', 'pipe', 'pipe'] });
  const annotator = createAnnotator();
  const pictures = { model: readFrames(child.stdio[MODEL_FD] as Readable, 512 * 512 * 3), display: readFrames(child.stdio[DISPLAY_FD] as Readable, DEMO_SIZE.widthPx * DEMO_SIZE.heightPx * 4) };
  const endMs = performance.now() + forMs;
  let frames = 0;
  try {
    while (performance.now() < endMs) {
      const [seen, shown] = await Promise.all([pictures.model.next(), pictures.display.next()]);
      if (seen.done === true || shown.done === true) throw new Error('the clip ended');
      const outputsOf = await model.run(new Map([['inputs', { dtype: 'uint8', shape: [1, 512, 512, 3], data: seen.value }]]), [...model.signature.outputs.keys()]);
      if (!outputsOf.has('detection_boxes')) throw new Error('no boxes');
      await annotator.render(frameOf(seen.value, shown.value, frames), { maxWidthPx: null, drawn: true });
      frames += 1;
    }
  } finally {
    child.kill('SIGKILL');
    await annotator.close();
  }
  return frames;
}

/** Frames of a fixed size, each in memory of its own. */
async function* readFrames(stream: Readable, bytes: number): AsyncGenerator<Buffer, void> {
  let frame = Buffer.allocUnsafe(bytes);
  let filled = 0;
  for await (const chunk of stream) {
    for (let from = 0; from < (chunk as Buffer).length; ) {
      const count = (chunk as Buffer).copy(frame, filled, from);
      from += count;
      filled += count;
      if (filled < bytes) continue;
      yield frame;
      frame = Buffer.allocUnsafe(bytes);
      filled = 0;
    }
  }
}

function frameOf(seen: Buffer, shown: Buffer, seq: number): DetectedFrame {
  const frame: VideoFrame = {
    streamId: 'bare', seq, ptsMs: seq * 40, capturedAtMs: Date.now(), captureMs: 0, sourceSize: DEMO_SIZE,
    display: { ...DEMO_SIZE, format: 'rgba', data: shown }, modelInput: { ...MODEL_SIZE, format: 'rgb24', data: seen }, letterbox: LETTERBOX,
    retain: () => undefined, release: () => undefined,
  };
  return { frame, detections: [{ classId: 85, label: 'clock', score: 0.8, box: [300, 200, 500, 400] }], model: null, timingsMs: { capture: 0, queue: 0, predict: 0, annotate: 0 } };
}
