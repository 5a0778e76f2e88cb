import type { StreamStatus } from '../../../src/core/stream-status.js';
import { el, setText } from '../dom.js';
import { formatCount, formatFps, formatPosition } from '../model/text.js';
import type { StreamMoment } from '../model/stream-model.js';

/** A titled list of figures: names left, values right, in reserved places. */
class Figures {
  readonly element: HTMLElement;
  readonly #list = el('dl', { class: 'figures' });
  readonly #rows = new Map<string, { readonly row: HTMLElement; readonly value: HTMLElement }>();

  constructor(title: string) {
    this.element = el('section', { class: 'section' }, el('h2', { class: 'section-title' }, el('span', { text: title })), this.#list);
  }

  /** Shows a figure; `null` hides its row. */
  set(name: string, value: string | null): void {
    let entry = this.#rows.get(name);
    if (entry === undefined) {
      if (value === null) return;
      const dd = el('dd');
      entry = { row: this.#list.appendChild(el('div', {}, el('dt', { text: name }), dd)), value: dd };
      this.#rows.set(name, entry);
    }
    entry.row.hidden = value === null;
    if (value !== null) setText(entry.value, value);
  }
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
    setReasons(this.#figures, 'dropped', counters.dropped);
    setReasons(this.#figures, 'failed', counters.failed);
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

function setReasons(figures: Figures, outcome: string, counts: Readonly<Partial<Record<string, number>>>): void {
  const entries = Object.entries(counts).filter(([, count]) => count !== undefined && count > 0);
  const sum = entries.reduce((total, [, count]) => total + (count ?? 0), 0);
  figures.set(outcome, formatCount(sum));
  for (const [reason, count] of entries) figures.set(`${outcome}: ${reason}`, formatCount(count ?? 0));
}

function pictureText({ widthPx, heightPx, declaredFps }: StreamStatus): string {
  const size = widthPx === null || heightPx === null ? '–' : `${String(widthPx)} × ${String(heightPx)}`;
  return declaredFps === null ? size : `${size}, ${formatFps(declaredFps)} fps`;
}
