import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { classColour } from '../../src/core/class-colours.js';
import type { DetectionRecord } from '../../src/core/detection-record.js';
import { decodeMask } from '../../src/core/mask-runs.js';
import { numberedClip } from '../helpers/clips.js';
import { runCommand } from '../helpers/command.js';
import { FakeServing } from '../helpers/fake-serving.js';
import { decodeJpeg } from '../helpers/jpeg.js';
import { usePageService } from '../helpers/page-service.js';
import { isOnPerson, PERSON_POINTS, posedPerson } from '../helpers/posed-person.js';
import { until } from '../helpers/until.js';
import { readLargeView, shownSeq } from '../helpers/viewer-page.js';
import { TestViewer } from '../viewers/support/client.js';

const execute = promisify(execFile);
const SIZE = { widthPx: 640, heightPx: 360 };
/** Where the model's box lies on the picture, which is letterboxed in a square: pixels. */
const BOX = [160, 52, 480, 308] as const;
/** Places in the box, in parts of it, away from box, points, limbs and label. */
const ON_PERSON: readonly (readonly [number, number])[] = [[0.5, 0.5], [0.3, 0.7], [0.7, 0.9]];
const BESIDE_PERSON: readonly (readonly [number, number])[] = [[0.85, 0.85], [0.15, 0.75], [0.85, 0.25]];

type Pixel = (x: number, y: number) => readonly number[];

let serving: FakeServing;
let clip: string;
const fixture = usePageService();
beforeAll(async () => {
  serving = await new FakeServing(posedPerson()).start();
  // Black throughout: the number of its only frame is 0.
  clip = await numberedClip({ name: 'masks.mp4', ...SIZE, frames: 1, filters: 'loop=loop=200:size=1' });
});
afterAll(() => serving.close());

const placed = ([x, y]: readonly [number, number]): [number, number] => [BOX[0] + x * (BOX[2] - BOX[0]), BOX[1] + y * (BOX[3] - BOX[1])];
const rgbOf = (classId: number): number[] => [1, 3, 5].map((at) => Number.parseInt(classColour(classId).slice(at, at + 2), 16));
const isNear = (colour: readonly number[], wanted: readonly number[], tolerance = 45): boolean => wanted.every((value, channel) => Math.abs(value - (colour[channel] ?? 0)) < tolerance);

/** On black a mask is four tenths of its class's colour; what lies beside it stays black. */
function expectPerson(pixelAt: Pixel): void {
  const tint = rgbOf(1).map((value) => value * 0.4);
  for (const place of ON_PERSON) expect(isNear(pixelAt(...placed(place)), tint), `mask at ${String(place)}: ${String(pixelAt(...placed(place)))}`).toBe(true);
  for (const place of BESIDE_PERSON) expect(isNear(pixelAt(...placed(place)), [0, 0, 0]), `beside the mask at ${String(place)}: ${String(pixelAt(...placed(place)))}`).toBe(true);
  for (const index of [5, 6, 7, 8, 11, 12, 13, 14, 15]) {
    const point = PERSON_POINTS[index] ?? [0, 0];
    // JPEG and video blur colours over two pixels, and a point has few more; the mask is further off than this.
    expect(isNear(pixelAt(...placed(point)), rgbOf(1), 85), `point ${String(index)}: ${String(pixelAt(...placed(point)))}`).toBe(true);
  }
}

/** What stands in a header or a line: the very mask and points that the model gave. */
function expectRecord(record: DetectionRecord | undefined): void {
  expect(record).toMatchObject({ classId: 1, label: 'person' });
  const keypoints = record?.keypoints ?? [];
  expect(keypoints).toHaveLength(17);
  PERSON_POINTS.forEach((point, index) => {
    const [x, y] = placed(point);
    expect(keypoints[index]).toEqual([expect.closeTo(x, 1), expect.closeTo(y, 1), index === 16 ? 0.1 : 0.9]);
  });
  const mask = record?.mask === undefined ? null : decodeMask(record.mask);
  expect(mask?.box.map(Math.round)).toEqual(BOX);
  const cells = [...ON_PERSON, ...BESIDE_PERSON].map(([x, y]) => mask?.data[Math.floor(y * mask.heightPx) * mask.widthPx + Math.floor(x * mask.widthPx)]);
  expect(cells).toEqual([...ON_PERSON, ...BESIDE_PERSON].map(([x, y]) => Number(isOnPerson(x, y))));
}

async function pixelsOfJpeg(jpeg: Uint8Array): Promise<Pixel> {
  const { data, widthPx } = await decodeJpeg(Buffer.from(jpeg));
  return (x, y) => [...data.subarray((Math.floor(y) * widthPx + Math.floor(x)) * 4, (Math.floor(y) * widthPx + Math.floor(x)) * 4 + 3)];
}

async function openLargeView(url: string): Promise<{ readonly page: Page; readonly problems: readonly string[] }> {
  const watched = await fixture.open({ viewport: { width: 928, height: 600 } });
  await watched.page.goto(`${url}/#/stream/clip`);
  await until(async () => (await shownSeq(watched.page, 'clip')) >= 0, { timeoutMs: 30_000, what: 'a picture' });
  return watched;
}

describe('masks and keypoints of a model', () => {
  it('are drawn into the pictures that viewers get, and stand in their headers', async () => {
    await fixture.write({ 'streams/clip.yaml': `source: ${clip}\nmode: live\nloop: true\n` });
    const { url } = await fixture.serve('--backend', serving.endpoint);
    const viewer = await TestViewer.connect(Number(new URL(url).port));
    viewer.send({ type: 'subscribe', stream: 'clip' });
    const { header, jpeg } = await until(() => viewer.frames.find((frame) => frame.header.detections.length > 0), { timeoutMs: 30_000, what: 'a frame with a person' });
    expectRecord(header.detections[0]);
    expectPerson(await pixelsOfJpeg(jpeg));

    // A viewer that draws itself gets the same words and a picture without any of it.
    viewer.send({ type: 'subscribe', stream: 'clip', render: 'client', maxWidthPx: 320 });
    const plain = await until(() => viewer.frames.find((frame) => frame.header.render === 'client' && frame.header.detections.length > 0), { timeoutMs: 30_000, what: 'a picture without drawing' });
    expect(plain.header.widthPx).toBe(320);
    expect(plain.header.detections[0]?.mask?.box.map(Math.round)).toEqual(BOX.map((edge) => edge / 2));
    expect(plain.header.detections[0]?.keypoints?.[0]).toEqual([expect.closeTo(placed([0.5, 0.18])[0] / 2, 1), expect.closeTo(placed([0.5, 0.18])[1] / 2, 1), 0.9]);
    const pixelAt = await pixelsOfJpeg(plain.jpeg);
    expect(isNear(pixelAt(160, 90), [0, 0, 0])).toBe(true);
  });

  it('are drawn by the page in the same places, and go with their class', async () => {
    await fixture.write({ 'streams/clip.yaml': `source: ${clip}\nmode: live\nloop: true\n` });
    const { url } = await fixture.serve('--backend', serving.endpoint);
    const { page, problems } = await openLargeView(url);
    await until(async () => (await readLargeView(page)).header.detections.length > 0, { timeoutMs: 30_000, what: 'a person' });
    const { header, pixelAt } = await readLargeView(page);
    expect(header.render).toBe('client');
    expectPerson(pixelAt);
    await page.locator('summary').click();
    await page.getByRole('checkbox', { name: 'person' }).uncheck();
    const hidden = (await readLargeView(page)).pixelAt;
    for (const place of [...ON_PERSON, ...PERSON_POINTS]) expect(isNear(hidden(...placed(place)), [0, 0, 0]), String(place)).toBe(true);
    expect(problems).toEqual([]);
  });

  it('are in the lines and the video of sightline detect', async () => {
    const end = await runCommand(['detect', clip, '--backend', serving.endpoint, '--jsonl', 'out.jsonl', '--output', 'out.mp4', '--fps', '2'], { cwd: fixture.folder });
    expect(end).toMatchObject({ exitCode: 0, stderr: '' });
    const [line = ''] = (await readFile(join(fixture.folder, 'out.jsonl'), 'utf8')).split('\n');
    expectRecord((JSON.parse(line) as { detections: DetectionRecord[] }).detections[0]);
    const { stdout } = await execute('ffmpeg', ['-v', 'error', '-i', join(fixture.folder, 'out.mp4'), '-frames:v', '1', '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-'], { encoding: 'buffer', maxBuffer: 2 ** 24 });
    expectPerson((x, y) => [...stdout.subarray((Math.floor(y) * SIZE.widthPx + Math.floor(x)) * 3, (Math.floor(y) * SIZE.widthPx + Math.floor(x)) * 3 + 3)]);
  });
});
