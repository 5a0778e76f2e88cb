import type { CanvasRenderingContext2D } from 'canvas';

/** Radius of the clock's rim, pixels. */
export const CLOCK_RADIUS_PX = 112;

/** Draws a station clock on a post, its centre at the origin.
 * @param hourTurns angle of the hour hand in turns, 0 at twelve; the minute hand goes twelve times as fast
 * @param groundY where the post stands */
export function drawClock(ctx: CanvasRenderingContext2D, hourTurns: number, groundY: number): void {
  drawPost(ctx, groundY);
  drawCase(ctx);
  drawDial(ctx);
  drawHand(ctx, hourTurns, CLOCK_RADIUS_PX * 0.5, 11);
  drawHand(ctx, hourTurns * 12, CLOCK_RADIUS_PX * 0.74, 7);
  ctx.fillStyle = '#b3202a';
  disc(ctx, 7);
}

function drawPost(ctx: CanvasRenderingContext2D, groundY: number): void {
  const post = ctx.createLinearGradient(-11, 0, 11, 0);
  post.addColorStop(0, '#1f3a34');
  post.addColorStop(0.4, '#4d7268');
  post.addColorStop(1, '#162b27');
  ctx.fillStyle = 'rgba(20,24,32,0.22)';
  ctx.beginPath();
  ctx.ellipse(14, groundY, 56, 10, 0, 0, Math.PI * 2);
  ctx.fill();
  ctx.fillStyle = post;
  ctx.fillRect(-9, CLOCK_RADIUS_PX, 18, groundY - CLOCK_RADIUS_PX);
  ctx.fillRect(-20, groundY - 58, 40, 58);
  ctx.fillRect(-28, groundY - 14, 56, 14);
  ctx.fillRect(-22, CLOCK_RADIUS_PX - 4, 44, 22);
}

function drawCase(ctx: CanvasRenderingContext2D): void {
  const rim = ctx.createLinearGradient(-CLOCK_RADIUS_PX, -CLOCK_RADIUS_PX, CLOCK_RADIUS_PX, CLOCK_RADIUS_PX);
  rim.addColorStop(0, '#46695f');
  rim.addColorStop(0.5, '#25443d');
  rim.addColorStop(1, '#132520');
  ctx.fillStyle = rim;
  disc(ctx, CLOCK_RADIUS_PX);
  ctx.fillStyle = '#c9a859';
  disc(ctx, CLOCK_RADIUS_PX * 0.89);
}

function drawDial(ctx: CanvasRenderingContext2D): void {
  const dial = ctx.createRadialGradient(-30, -34, 10, 0, 0, CLOCK_RADIUS_PX * 0.86);
  dial.addColorStop(0, '#ffffff');
  dial.addColorStop(1, '#ece7d8');
  ctx.fillStyle = dial;
  disc(ctx, CLOCK_RADIUS_PX * 0.86);
  ctx.fillStyle = '#1c2024';
  for (let minute = 0; minute < 60; minute += 1) {
    const [length, width] = minute % 15 === 0 ? [24, 9] : minute % 5 === 0 ? [18, 6] : [7, 2];
    ctx.save();
    ctx.rotate((minute / 60) * Math.PI * 2);
    ctx.fillRect(-width / 2, -CLOCK_RADIUS_PX * 0.81, width, length);
    ctx.restore();
  }
}

function drawHand(ctx: CanvasRenderingContext2D, turns: number, lengthPx: number, widthPx: number): void {
  ctx.save();
  ctx.rotate(turns * Math.PI * 2);
  ctx.fillStyle = '#15181c';
  ctx.beginPath();
  ctx.moveTo(-widthPx / 2, 20);
  ctx.lineTo(-widthPx * 0.36, -lengthPx);
  ctx.lineTo(widthPx * 0.36, -lengthPx);
  ctx.lineTo(widthPx / 2, 20);
  ctx.closePath();
  ctx.fill();
  ctx.restore();
}

function disc(ctx: CanvasRenderingContext2D, radiusPx: number): void {
  ctx.beginPath();
  ctx.arc(0, 0, radiusPx, 0, Math.PI * 2);
  ctx.fill();
}
