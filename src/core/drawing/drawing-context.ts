/** What drawing needs of a canvas's 2D context: the service's (node-canvas) and a browser's both have it. */
export interface DrawingContext {
  /** Set to `#rrggbb` or `#rrggbbaa`. */
  fillStyle: unknown;
  strokeStyle: unknown;
  lineWidth: number;
  /** Set to `round`. */
  lineCap: unknown;
  font: string;
  textBaseline: string;
  textAlign: string;
  measureText(text: string): { readonly width: number };
  fillText(text: string, xPx: number, yPx: number): void;
  fillRect(xPx: number, yPx: number, widthPx: number, heightPx: number): void;
  save(): void;
  restore(): void;
  beginPath(): void;
  rect(xPx: number, yPx: number, widthPx: number, heightPx: number): void;
  clip(): void;
  moveTo(xPx: number, yPx: number): void;
  lineTo(xPx: number, yPx: number): void;
  arc(xPx: number, yPx: number, radiusPx: number, startAngle: number, endAngle: number): void;
  closePath(): void;
  fill(): void;
  stroke(): void;
}
