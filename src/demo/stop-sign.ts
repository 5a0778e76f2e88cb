import type { CanvasRenderingContext2D } from 'canvas';

/** Half the sign's height, pixels. */
export const STOP_SIGN_RADIUS_PX = 128;

/** Height of the letters. */
const LETTER_PX = 75;

/** Draws a stop sign on a pole, its centre at the origin.
 * @param groundY where the pole stands */
export function drawStopSign(ctx: CanvasRenderingContext2D, groundY: number): void {
  const pole = ctx.createLinearGradient(-8, 0, 8, 0);
  pole.addColorStop(0, '#7d838a');
  pole.addColorStop(0.45, '#d6dade');
  pole.addColorStop(1, '#5b6168');
  ctx.fillStyle = 'rgba(20,24,32,0.22)';
  ctx.beginPath();
  ctx.ellipse(12, groundY, 34, 7, 0, 0, Math.PI * 2);
  ctx.fill();
  ctx.fillStyle = pole;
  ctx.fillRect(-8, 0, 16, groundY);
  octagon(ctx, STOP_SIGN_RADIUS_PX, '#f7f7f4');
  octagon(ctx, STOP_SIGN_RADIUS_PX - 8, '#c4161c');
  drawLetters(ctx);
}

function octagon(ctx: CanvasRenderingContext2D, apothemPx: number, colour: string): void {
  const circumradius = apothemPx / Math.cos(Math.PI / 8);
  ctx.fillStyle = colour;
  ctx.beginPath();
  for (let corner = 0; corner < 8; corner += 1) {
    const angle = ((corner + 0.5) * Math.PI) / 4;
    ctx.lineTo(circumradius * Math.cos(angle), circumradius * Math.sin(angle));
  }
  ctx.closePath();
  ctx.fill();
}

/** The word is drawn, not written: the clip must look the same on a machine without fonts. */
function drawLetters(ctx: CanvasRenderingContext2D): void {
  const [width, gap, top, bottom] = [39, 17, -LETTER_PX / 2, LETTER_PX / 2];
  ctx.strokeStyle = '#fbfbf8';
  ctx.lineWidth = 15;
  ctx.lineJoin = 'round';
  ctx.lineCap = 'butt';
  const letters: readonly ((x: number) => void)[] = [
    (x) => {
      ctx.moveTo(x + width, top + 15);
      ctx.bezierCurveTo(x + width - 4, top - 4, x, top - 4, x + 1, top + 20);
      ctx.bezierCurveTo(x + 3, 1, x + width - 2, -1, x + width - 1, bottom - 19);
      ctx.bezierCurveTo(x + width, bottom + 4, x + 4, bottom + 4, x, bottom - 15);
    },
    (x) => {
      ctx.moveTo(x - 4, top + 2);
      ctx.lineTo(x + width + 4, top + 2);
      ctx.moveTo(x + width / 2, top);
      ctx.lineTo(x + width / 2, bottom + 4);
    },
    (x) => {
      ctx.moveTo(x + width + 1, 0);
      ctx.ellipse(x + width / 2, 0, width / 2 + 1, LETTER_PX / 2 - 1, 0, 0, Math.PI * 2);
    },
    (x) => {
      ctx.moveTo(x + 2, bottom + 4);
      ctx.lineTo(x + 2, top + 2);
      ctx.lineTo(x + width / 2, top + 2);
      ctx.bezierCurveTo(x + width + 6, top + 2, x + width + 6, 5, x + width / 2, 5);
      ctx.lineTo(x + 2, 5);
    },
  ];
  const total = letters.length * width + (letters.length - 1) * gap;
  for (const [index, letter] of letters.entries()) {
    ctx.beginPath();
    letter(-total / 2 + index * (width + gap));
    ctx.stroke();
  }
}
