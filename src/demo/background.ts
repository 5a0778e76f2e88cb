import { createCanvas, type Canvas, type CanvasRenderingContext2D } from 'canvas';
import type { Size } from '../core/geometry.js';

/** How far layers reach beyond the picture on both sides, pixels: as far as they are ever moved. */
export const MARGIN_PX = 64;
/** Where the pavement begins and where the road does, pixels from the top. */
export const PAVEMENT_Y = 520;
export const ROAD_Y = 596;

/** A strip of the scene that only moves as a whole, drawn once; wider than the picture by the margin on both sides. */
export type Layer = { readonly canvas: Canvas; readonly topPx: number };

/** From far to near. */
export type BackgroundLayers = { readonly sky: Layer; readonly hills: Layer; readonly farHouses: Layer; readonly houses: Layer; readonly ground: Layer; readonly cloud: Canvas };

/** Draws the layers for a picture of `size`. Strips are no higher than what is in them: moving them is most of a frame's cost. */
export function drawBackground(size: Size): BackgroundLayers {
  const layer = (topPx: number, bottomPx: number, paint: (ctx: CanvasRenderingContext2D, widthPx: number) => void): Layer => {
    const canvas = createCanvas(size.widthPx + 2 * MARGIN_PX, bottomPx - topPx);
    const ctx = canvas.getContext('2d');
    ctx.translate(0, -topPx);
    paint(ctx, canvas.width);
    return { canvas, topPx };
  };
  return {
    sky: layer(0, PAVEMENT_Y, paintSky),
    hills: layer(320, PAVEMENT_Y, paintHills),
    farHouses: layer(310, PAVEMENT_Y, paintFarHouses),
    houses: layer(300, PAVEMENT_Y, paintHouses),
    ground: layer(PAVEMENT_Y, size.heightPx, (ctx, widthPx) => { paintGround(ctx, widthPx, size.heightPx); }),
    cloud: drawCloudSprite(),
  };
}

/** Size of the cloud's picture; its middle is the cloud's. */
export const CLOUD_SIZE: Size = { widthPx: 320, heightPx: 184 };

/** Draws one veil of cloud. Soft, because hard white shapes in the sky draw the detector's attention off the street (the traffic
 * light's score fell from 0.6 to 0.2). */
function drawCloudSprite(): Canvas {
  const canvas = createCanvas(CLOUD_SIZE.widthPx, CLOUD_SIZE.heightPx);
  const ctx = canvas.getContext('2d');
  for (const [dx, dy, radius] of [[-84, 10, 52], [-28, -4, 74], [40, -8, 82], [98, 8, 56]] as const) {
    const [x, y] = [CLOUD_SIZE.widthPx / 2 + dx, CLOUD_SIZE.heightPx / 2 + dy];
    const puff = ctx.createRadialGradient(x, y, 0, x, y, radius);
    puff.addColorStop(0, 'rgba(255,255,255,0.5)');
    puff.addColorStop(0.55, 'rgba(255,255,255,0.22)');
    puff.addColorStop(1, 'rgba(255,255,255,0)');
    ctx.fillStyle = puff;
    ctx.fillRect(x - radius, y - radius, 2 * radius, 2 * radius);
  }
  return canvas;
}

function paintSky(ctx: CanvasRenderingContext2D, widthPx: number): void {
  const sky = ctx.createLinearGradient(0, 0, 0, PAVEMENT_Y);
  sky.addColorStop(0, '#6fa8d6');
  sky.addColorStop(0.55, '#b5d5ea');
  sky.addColorStop(1, '#f6e7cf');
  ctx.fillStyle = sky;
  ctx.fillRect(0, 0, widthPx, PAVEMENT_Y);
  const sun = ctx.createRadialGradient(widthPx * 0.5, 150, 10, widthPx * 0.5, 150, 330);
  sun.addColorStop(0, 'rgba(255,246,214,0.6)');
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
  // Low and pale, so that the three objects stand out.
  const houses = [
    { width: 190, height: 150, wall: '#dcc3ad', roof: '#b98674' },
    { width: 150, height: 118, wall: '#e8dac2', roof: '#a8998c' },
    { width: 210, height: 172, wall: '#c4cdbd', roof: '#8fa094' },
    { width: 160, height: 126, wall: '#e4cfc6', roof: '#b98880' },
    { width: 200, height: 158, wall: '#cfd5db', roof: '#93a0ac' },
    { width: 170, height: 122, wall: '#ebdfc8', roof: '#bd9a80' },
    { width: 190, height: 166, wall: '#d4c4b6', roof: '#a38b7f' },
    { width: 170, height: 130, wall: '#c4cfd1', roof: '#8a9ba0' },
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
    paintWindows(ctx, { x: x + 18, y: top + 18, width: house.width - 36, height: house.height - 84 }, { across: 4, down: house.height > 140 ? 2 : 1 }, 'rgba(92,110,126,0.38)');
    ctx.fillStyle = 'rgba(84,72,64,0.36)';
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

function paintGround(ctx: CanvasRenderingContext2D, widthPx: number, height: number): void {
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
