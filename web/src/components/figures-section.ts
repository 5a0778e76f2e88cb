import type { StreamStatus } from '../../../src/core/stream-status.js';
import { el, setText } from '../dom.js';
import { formatCount, formatFps, formatPosition } from '../model/text.js';
import type { StreamMoment } from '../model/stream-model.js';

type FigureRow = { readonly row: HTMLElement; readonly value: HTMLElement };

/** A titled list of figures: names left, values right, in reserved places. */
class Figures {
  readonly element: HTMLElement;
  readonly #list = el('dl', { class: 'figures' });
  readonly #rows = new Map<string, FigureRow>();

  constructor(title: string) {
    this.element = el('section', { class: 'section' }, el('h2', { class: 'section-title' }, el('span', { text: title })), this.#list);
  }

  /** Shows a figure; `null` hides its row. */
  set(name: string, value: string | null): void {
    let entry = this.#rows.get(name);
    if (entry === undefined) {
      if (value === null) return;
      entry = makeRow(name);
      this.#list.append(entry.row);
      this.#rows.set(name, entry);
    }
    entry.row.hidden = value === null;
    if (value !== null) setText(entry.value, value);
  }

  /** Shows a sum and, below it, what it is made of. */
  setSum(name: string, parts: Readonly<Partial<Record<string, number>>>): void {
    const entries = Object.entries(parts).map(([part, count]) => [part, count ?? 0] as const);
    this.set(name, formatCount(entries.reduce((sum, [, count]) => sum + count, 0)));
    for (const [key, { row }] of this.#rows) {
      if (key.startsWith(`${name}: `)) row.hidden = !(key.slice(name.length + 2) in parts);
    }
    let previous = this.#rows.get(name);
    for (const [part, count] of entries) {
      const key = `${name}: ${part}`;
      let row = this.#rows.get(key);
      if (row === undefined) {
        row = makeRow(part, 'figure-part');
        previous?.row.after(row.row);
        this.#rows.set(key, row);
      }
      setText(row.value, formatCount(count));
      previous = row;
    }
  }
}

function makeRow(name: string, kind = ''): FigureRow {
  const value = el('dd');
  return { row: el('div', { class: kind }, el('dt', { text: name }), value), value };
}

/** What became of every decoded frame, as the server counts. */
export class FramesSection {
  readonly #figures = new Figures('Frames');
  readonly element = this.#figures.element;

  update({ status, fps }: StreamMoment): void {
    const { counters } = status;
    this.#figures.set('here', `${formatFps(fps)} fps`);
    this.#figures.set('server', `${formatFps(status.measuredFps)} fps`);
    this.#figures.set('decoded', formatCount(counters.decoded));
    this.#figures.set('shown', formatCount(counters.shown));
    this.#figures.set('in flight', formatCount(counters.inFlight));
    this.#figures.set('skipped by slow viewers', formatCount(counters.viewerSkipped));
    this.#figures.setSum('dropped', counters.dropped);
    this.#figures.setSum('failed', counters.failed);
  }
}

/** Where the pictures come from and what looks at them. */
export class SourceSection {
  readonly #figures = new Figures('Source');
  readonly element = this.#figures.element;

  update({ status, frame, face }: StreamMoment): void {
    const model = frame?.header.model ?? null;
    this.#figures.set('address', status.source);
    this.#figures.set('mode', status.mode);
    this.#figures.set('picture', pictureText(status));
    this.#figures.set('position', status.mode === 'replay' ? `${formatPosition(status.positionMs)} / ${formatPosition(status.durationMs)}` : null);
    this.#figures.set('model', model === null ? '–' : `${model.name} ${model.version}`);
    this.#figures.set('no detector', face.noDetector);
  }
}

function pictureText({ widthPx, heightPx, declaredFps }: StreamStatus): string {
  const size = widthPx === null || heightPx === null ? '–' : `${String(widthPx)} × ${String(heightPx)}`;
  return declaredFps === null ? size : `${size}, ${formatFps(declaredFps)} fps`;
}
