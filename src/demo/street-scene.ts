import { createCanvas, type Canvas } from 'canvas';
import type { Size } from '../core/geometry.js';
import { CLOUD_SIZE, drawBackground, MARGIN_PX, ROAD_Y, type BackgroundLayers, type Layer } from './background.js';
import { drawClock } from './clock.js';
import { drawStopSign } from './stop-sign.js';
import { drawTrafficLight } from './traffic-light.js';

/** The demo clip's facts: everything in it repeats after `DEMO_FRAMES`, so that it loops without a jump. */
export const DEMO_SIZE: Size = { widthPx: 1280, heightPx: 720 };
export const DEMO_FPS = 25;
export const DEMO_FRAMES = 500;

/** Distance of the clouds, which each take the next one's place once a loop, pixels. */
const CLOUD_STEP_PX = 420;

/** Draws the frames of the demo: a street in summer, seen by a camera that sways a little. */
export class StreetScene {
  readonly #canvas: Canvas = createCanvas(DEMO_SIZE.widthPx, DEMO_SIZE.heightPx);
  readonly #layers: BackgroundLayers = drawBackground(DEMO_SIZE);

  /** Draws frame `index`; frame `index + DEMO_FRAMES` is the same picture.
   * @returns the canvas, which the next call draws over */
  draw(index: number): Canvas {
    const phase = (((index % DEMO_FRAMES) + DEMO_FRAMES) % DEMO_FRAMES) / DEMO_FRAMES;
    const ctx = this.#canvas.getContext('2d');
    const sway = wave(phase, 1, 0);
    const { sky, hills, farHouses, houses, ground } = this.#layers;
    const place = (layer: Layer, x: number): void => { ctx.drawImage(layer.canvas, x - MARGIN_PX, layer.topPx); };
    place(sky, 0);
    this.#drawClouds(phase);
    // What is nearer moves more.
    place(hills, sway * 5);
    place(farHouses, sway * 10);
    place(houses, sway * 20);
    place(ground, sway * 36);
    this.#at(226 + sway * 36, 250, (groundY) => { drawClock(ctx, phase, groundY); }, 570);
    this.#at(660 + sway * 36, 315, (groundY) => { drawTrafficLight(ctx, phase, groundY); }, 560);
    this.#at(1050 + sway * 36, 222, (groundY) => { drawStopSign(ctx, groundY); }, 576);
    return this.#canvas;
  }

  #drawClouds(phase: number): void {
    const ctx = this.#canvas.getContext('2d');
    // All clouds follow one path, on which height and size depend on the place alone: after a loop each is where the next one was.
    for (let place = -CLOUD_STEP_PX; place < DEMO_SIZE.widthPx + 2 * CLOUD_STEP_PX; place += CLOUD_STEP_PX) {
      const x = place + phase * CLOUD_STEP_PX - 120;
      const scale = 1 + 0.25 * Math.sin(x / 310 + 1);
      const [width, height] = [CLOUD_SIZE.widthPx * scale, CLOUD_SIZE.heightPx * scale];
      ctx.drawImage(this.#layers.cloud, x - width / 2, 70 + 26 * Math.sin(x / 230) - height / 2, width, height);
    }
  }

  #at(x: number, y: number, draw: (groundY: number) => void, groundY: number): void {
    const ctx = this.#canvas.getContext('2d');
    ctx.save();
    ctx.translate(x, y);
    draw(Math.min(groundY, ROAD_Y) - y);
    ctx.restore();
  }
}

/** A sine that repeats `turns` times a loop, in [-1, 1]. */
function wave(phase: number, turns: number, offset: number): number {
  return Math.sin((phase * turns + offset) * Math.PI * 2);
}
