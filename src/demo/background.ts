import { createCanvas, type Canvas, type CanvasRenderingContext2D } from 'canvas';
import type { Size } from '../core/geometry.js';

/** How far layers reach beyond the picture on both sides, pixels: as far as they are ever moved. */
export const MARGIN_PX = 64;
/** Where the pavement begins and where the road does, pixels from the top. */
export const PAVEMENT_Y = 520;
export const ROAD_Y = 596;

/** The parts of the scene that only move as a whole, drawn once. Each is wider than the picture by the margin on both sides. */
export type BackgroundLayers = { readonly sky: Canvas; readonly hills: Canvas; readonly farHouses: Canvas; readonly houses: Canvas; readonly ground: Canvas };

/** Draws the layers for a picture of `size`. */
export function drawBackground(size: Size): BackgroundLayers {
  const layer = (paint: (ctx: CanvasRenderingContext2D, widthPx: number) => void): Canvas => {
    const canvas = createCanvas(size.widthPx + 2 * MARGIN_PX, size.heightPx);
    paint(canvas.getContext('2d'), canvas.width);
    return canvas;
  };
  return { sky: layer(paintSky), hills: layer(paintHills), farHouses: layer(paintFarHouses), houses: layer(paintHouses), ground: layer(paintGround) };
}

/** Draws one cloud with its middle at (x, y). */
export function drawCloud(ctx: CanvasRenderingContext2D, x: number, y: number, scale: number): void {
  ctx.fillStyle = 'rgba(255,255,255,0.78)';
  ctx.beginPath();
  for (const [dx, dy, radius] of [[-62, 8, 26], [-30, -8, 36], [10, -16, 44], [48, -2, 32], [76, 10, 22]] as const) {
    ctx.moveTo(x + dx * scale + radius * scale, y + dy * scale);
    ctx.arc(x + dx * scale, y + dy * scale, radius * scale, 0, Math.PI * 2);
  }
  ctx.rect(x - 62 * scale, y + 6 * scale, 138 * scale, 27 * scale);
  ctx.fill();
}

function paintSky(ctx: CanvasRenderingContext2D, widthPx: number): void {
  const sky = ctx.createLinearGradient(0, 0, 0, PAVEMENT_Y);
  sky.addColorStop(0, '#6fa8d6');
  sky.addColorStop(0.55, '#b5d5ea');
  sky.addColorStop(1, '#f6e7cf');
  ctx.fillStyle = sky;
  ctx.fillRect(0, 0, widthPx, PAVEMENT_Y);
  const sun = ctx.createRadialGradient(widthPx * 0.5, 150, 10, widthPx * 0.5, 150, 330);
  sun.addColorStop(0, 'rgba(255,246,214,0.85)');
  sun.addColorStop(1, 'rgba(255,246,214,0)');
  ctx.fillStyle = sun;
  ctx.fillRect(0, 0, widthPx, PAVEMENT_Y);
}

function paintHills(ctx: CanvasRenderingContext2D, widthPx: number): void {
  ctx.fillStyle = '#a9c3b6';
  ctx.beginPath();
  ctx.moveTo(0, PAVEMENT_Y);
  for (let x = 0; x <= widthPx; x += 8) ctx.lineTo(x, 385 - 34 * Math.sin(x / 190) - 20 * Math.sin(x / 83 + 1));
  ctx.lineTo(widthPx, PAVEMENT_Y);
  ctx.closePath();
  ctx.fill();
}

function paintFarHouses(ctx: CanvasRenderingContext2D, widthPx: number): void {
  const tones = ['#c3ccd3', '#cfd3d0', '#bcc8d0', '#d2cdc6'];
  for (let x = -10, index = 0; x < widthPx; index += 1) {
    const [width, height] = [70 + ((index * 37) % 50), 110 + ((index * 53) % 90)];
    ctx.fillStyle = tones[index % tones.length] ?? '#c3ccd3';
    ctx.fillRect(x, PAVEMENT_Y - height, width, height);
    paintWindows(ctx, { x: x + 10, y: PAVEMENT_Y - height + 14, width: width - 20, height: height - 40 }, { across: 3, down: 4 }, 'rgba(120,140,158,0.35)');
    x += width + 6;
  }
}

function paintHouses(ctx: CanvasRenderingContext2D, widthPx: number): void {
  // Low where the three objects stand, so that they stand out against the sky.
  const houses = [
    { width: 190, height: 150, wall: '#d9b79a', roof: '#9c5b45' },
    { width: 150, height: 118, wall: '#e6d3b3', roof: '#7f6a5b' },
    { width: 210, height: 172, wall: '#b9c4b1', roof: '#5f7468' },
    { width: 160, height: 126, wall: '#e2c6bb', roof: '#94574d' },
    { width: 200, height: 158, wall: '#c8cfd6', roof: '#60707f' },
    { width: 170, height: 122, wall: '#ead9b8', roof: '#9a6a49' },
    { width: 190, height: 166, wall: '#cdb8a6', roof: '#775647' },
    { width: 170, height: 130, wall: '#b8c6c8', roof: '#536a70' },
  ];
  let x = -16;
  for (const house of houses) {
    const top = PAVEMENT_Y - house.height;
    ctx.fillStyle = house.wall;
    ctx.fillRect(x, top, house.width, house.height);
    ctx.fillStyle = house.roof;
    ctx.beginPath();
    ctx.moveTo(x - 8, top);
    ctx.lineTo(x + 26, top - 34);
    ctx.lineTo(x + house.width - 26, top - 34);
    ctx.lineTo(x + house.width + 8, top);
    ctx.closePath();
    ctx.fill();
    paintWindows(ctx, { x: x + 18, y: top + 18, width: house.width - 36, height: house.height - 84 }, { across: 4, down: house.height > 140 ? 2 : 1 }, 'rgba(74,92,110,0.6)');
    ctx.fillStyle = 'rgba(60,50,44,0.55)';
    ctx.fillRect(x + house.width / 2 - 13, PAVEMENT_Y - 48, 26, 48);
    x += house.width + 4;
    if (x > widthPx) break;
  }
}

function paintWindows(ctx: CanvasRenderingContext2D, area: { x: number; y: number; width: number; height: number }, count: { across: number; down: number }, colour: string): void {
  ctx.fillStyle = colour;
  const [stepX, stepY] = [area.width / count.across, area.height / count.down];
  for (let row = 0; row < count.down; row += 1) {
    for (let column = 0; column < count.across; column += 1) ctx.fillRect(area.x + column * stepX + stepX * 0.2, area.y + row * stepY + stepY * 0.16, stepX * 0.6, stepY * 0.62);
  }
}

function paintGround(ctx: CanvasRenderingContext2D, widthPx: number): void {
  const { height } = ctx.canvas;
  ctx.fillStyle = '#b9b4ab';
  ctx.fillRect(0, PAVEMENT_Y, widthPx, ROAD_Y - PAVEMENT_Y);
  ctx.strokeStyle = 'rgba(110,104,96,0.35)';
  ctx.lineWidth = 2;
  for (let x = -200; x < widthPx + 200; x += 54) {
    ctx.beginPath();
    ctx.moveTo(x + 26, PAVEMENT_Y);
    ctx.lineTo(x, ROAD_Y);
    ctx.stroke();
  }
  ctx.fillStyle = '#8f8a82';
  ctx.fillRect(0, ROAD_Y - 8, widthPx, 12);
  const road = ctx.createLinearGradient(0, ROAD_Y, 0, height);
  road.addColorStop(0, '#5a5e63');
  road.addColorStop(1, '#43474b');
  ctx.fillStyle = road;
  ctx.fillRect(0, ROAD_Y + 4, widthPx, height - ROAD_Y - 4);
  ctx.fillStyle = 'rgba(240,236,220,0.8)';
  for (let x = 0; x < widthPx; x += 176) {
    ctx.beginPath();
    ctx.moveTo(x + 14, 658);
    ctx.lineTo(x + 104, 658);
    ctx.lineTo(x + 92, 670);
    ctx.lineTo(x, 670);
    ctx.closePath();
    ctx.fill();
  }
}
