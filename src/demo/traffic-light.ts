import type { CanvasRenderingContext2D } from 'canvas';

/** Size of the housing, pixels; its centre is the origin. */
const [WIDTH_PX, HEIGHT_PX, LAMP_PX] = [84, 204, 27];

/** Which lamps are on in which part of the cycle (0 to 1): the European order, red and yellow together before green. */
const CYCLE: readonly { readonly until: number; readonly lamps: readonly ('red' | 'yellow' | 'green')[] }[] = [
  { until: 0.4, lamps: ['red'] },
  { until: 0.46, lamps: ['red', 'yellow'] },
  { until: 0.9, lamps: ['green'] },
  { until: 1, lamps: ['yellow'] },
];

const COLOURS = {
  red: { on: '#ff3b2f', off: '#4a1512', y: -63 },
  yellow: { on: '#ffc629', off: '#4b3a10', y: 0 },
  green: { on: '#2fe07a', off: '#0f3a23', y: 63 },
} as const;

/** Draws a traffic light on a mast.
 * @param phase part of its cycle, [0, 1)
 * @param groundY where the mast stands */
export function drawTrafficLight(ctx: CanvasRenderingContext2D, phase: number, groundY: number): void {
  const lamps = CYCLE.find((part) => phase < part.until)?.lamps ?? ['red'];
  ctx.fillStyle = 'rgba(20,24,32,0.22)';
  ctx.beginPath();
  ctx.ellipse(10, groundY, 30, 6, 0, 0, Math.PI * 2);
  ctx.fill();
  const mast = ctx.createLinearGradient(-8, 0, 8, 0);
  mast.addColorStop(0, '#2b2f33');
  mast.addColorStop(0.4, '#5d646a');
  mast.addColorStop(1, '#202326');
  ctx.fillStyle = mast;
  ctx.fillRect(-8, HEIGHT_PX / 2, 16, groundY - HEIGHT_PX / 2);
  ctx.fillStyle = '#17191b';
  roundRect(ctx, WIDTH_PX, HEIGHT_PX, 20);
  ctx.strokeStyle = '#3a3f44';
  ctx.lineWidth = 3;
  ctx.stroke();
  for (const name of ['red', 'yellow', 'green'] as const) drawLamp(ctx, name, lamps.includes(name));
}

function drawLamp(ctx: CanvasRenderingContext2D, name: keyof typeof COLOURS, isOn: boolean): void {
  const { on, off, y } = COLOURS[name];
  if (isOn) {
    const glow = ctx.createRadialGradient(0, y, LAMP_PX * 0.8, 0, y, LAMP_PX * 1.9);
    glow.addColorStop(0, `${on}88`);
    glow.addColorStop(1, `${on}00`);
    ctx.fillStyle = glow;
    circle(ctx, 0, y, LAMP_PX * 1.9);
  }
  const lens = ctx.createRadialGradient(-8, y - 9, 3, 0, y, LAMP_PX);
  lens.addColorStop(0, isOn ? '#fff6e8' : off);
  lens.addColorStop(isOn ? 0.35 : 0.5, isOn ? on : off);
  lens.addColorStop(1, isOn ? on : '#0c0d0e');
  ctx.fillStyle = lens;
  circle(ctx, 0, y, LAMP_PX);
  // the visor
  ctx.strokeStyle = '#0a0b0c';
  ctx.lineWidth = 8;
  ctx.beginPath();
  ctx.arc(0, y, LAMP_PX + 2, Math.PI * 1.08, Math.PI * 1.92);
  ctx.stroke();
}

function circle(ctx: CanvasRenderingContext2D, x: number, y: number, radiusPx: number): void {
  ctx.beginPath();
  ctx.arc(x, y, radiusPx, 0, Math.PI * 2);
  ctx.fill();
}

function roundRect(ctx: CanvasRenderingContext2D, width: number, height: number, radiusPx: number): void {
  ctx.beginPath();
  ctx.moveTo(-width / 2 + radiusPx, -height / 2);
  ctx.arcTo(width / 2, -height / 2, width / 2, height / 2, radiusPx);
  ctx.arcTo(width / 2, height / 2, -width / 2, height / 2, radiusPx);
  ctx.arcTo(-width / 2, height / 2, -width / 2, -height / 2, radiusPx);
  ctx.arcTo(-width / 2, -height / 2, width / 2, -height / 2, radiusPx);
  ctx.closePath();
  ctx.fill();
}
