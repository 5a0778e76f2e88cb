import { el, setText } from '../dom.js';
import type { PlaybackView } from '../model/playback.js';
import { formatTime } from '../model/text.js';
import type { Mark, TimelineMarks } from '../model/timeline-marks.js';
import { drawMarks } from './draw-marks.js';

const STEP_MS = 5_000;
const SMALL_STEP_MS = 1_000;
/** Of the whole, by PageUp and PageDown. */
const PAGE = 0.1;
/** A pointer that moves less drags nothing, CSS pixels: a finger is never quite still. */
const DRAG_FROM_PX = 3;
/** Labels that are named where the pointer is. */
const MAX_NAMED = 3;

/** What a hand on the timeline asks for; times are ms after the first frame. */
export type TimelineActions = {
  readonly seek: (positionMs: number) => void;
  readonly seekBy: (byMs: number) => void;
  readonly scrub: (positionMs: number) => void;
  readonly endScrub: () => void;
};

/** The whole of a recording on one line: where it is, what was found where, and a place to take hold of it. */
export class TimelineSlider {
  readonly element: HTMLElement;
  readonly #marks: TimelineMarks;
  readonly #actions: TimelineActions;
  readonly #canvas = el('canvas', { class: 'timeline-marks', attributes: { 'aria-hidden': 'true' } });
  readonly #fill = el('div', { class: 'timeline-fill' });
  readonly #thumb = el('div', { class: 'timeline-thumb' });
  readonly #hoverTime = el('span');
  readonly #hoverLabels = el('span', { class: 'timeline-hover-labels' });
  readonly #hover: HTMLElement;
  readonly #resize: ResizeObserver;
  #durationMs: number | null = null;
  #positionMs: number | null = null;
  #acts = false;
  #drag: { readonly pointerId: number; readonly startX: number; moved: boolean } | null = null;
  #pointer: { readonly x: number; readonly isTouch: boolean } | null = null;
  #drawn: { readonly marks: readonly Mark[]; readonly durationMs: number | null } | null = null;

  constructor(marks: TimelineMarks, actions: TimelineActions, describedBy: string) {
    this.#marks = marks;
    this.#actions = actions;
    this.#hover = el('div', { class: 'timeline-hover', attributes: { 'aria-hidden': 'true' } }, el('div', { class: 'timeline-hover-text' }, this.#hoverTime, this.#hoverLabels));
    this.#hover.hidden = true;
    const track = el('div', { class: 'timeline-track' }, this.#canvas, el('div', { class: 'timeline-line' }, this.#fill), this.#thumb, this.#hover);
    this.element = el('div', { class: 'timeline', attributes: { role: 'slider', tabindex: '0', 'aria-label': 'Position in the recording', 'aria-valuemin': '0', 'aria-orientation': 'horizontal', 'aria-describedby': describedBy } }, track);
    this.#listen();
    this.#resize = new ResizeObserver(() => {
      this.#drawn = null;
      this.drawMarks();
    });
    this.#resize.observe(this.#canvas);
  }

  /** Shows where the recording is. @param acts whether a hand may move it */
  update({ positionMs, durationMs, motion }: PlaybackView, acts: boolean): void {
    this.#acts = acts;
    this.#durationMs = durationMs;
    this.#positionMs = positionMs;
    const share = positionMs === null || durationMs === null || durationMs <= 0 ? 0 : Math.min(1, positionMs / durationMs);
    this.#fill.style.transform = `scaleX(${String(share)})`;
    this.#thumb.style.left = `${String(share * 100)}%`;
    this.#describe(motion === 'playing' && this.#drag === null);
    this.#showHover();
  }

  /** Draws the marks when they are not those that are drawn. */
  drawMarks(): void {
    const marks = this.#marks.marks();
    if (this.#drawn?.marks === marks && this.#drawn.durationMs === this.#durationMs) return;
    this.#drawn = { marks, durationMs: this.#durationMs };
    drawMarks(this.#canvas, marks, this.#durationMs);
  }

  close(): void {
    this.#resize.disconnect();
  }

  /** Tells assistive technology; of one that plays whole seconds only, or it would never be silent. */
  #describe(plays: boolean): void {
    const positionMs = this.#positionMs === null ? null : plays ? Math.floor(this.#positionMs / 1000) * 1000 : Math.round(this.#positionMs);
    const facts = {
      'aria-valuemax': this.#durationMs === null ? null : String(Math.round(this.#durationMs)),
      'aria-valuenow': positionMs === null ? '0' : String(positionMs),
      'aria-valuetext': `${formatTime(positionMs)} of ${formatTime(this.#durationMs)}`,
      'aria-readonly': this.#acts ? null : 'true',
    };
    for (const [name, value] of Object.entries(facts)) {
      if (value === null) this.element.removeAttribute(name);
      else if (this.element.getAttribute(name) !== value) this.element.setAttribute(name, value);
    }
  }

  #listen(): void {
    const { element } = this;
    element.addEventListener('keydown', (event) => { this.#onKey(event); });
    element.addEventListener('pointerdown', (event) => { this.#take(event); });
    element.addEventListener('pointermove', (event) => {
      this.#pointer = { x: event.clientX, isTouch: event.pointerType === 'touch' };
      this.#dragTo(event);
      this.#showHover();
    });
    for (const type of ['pointerup', 'pointercancel'] as const) element.addEventListener(type, (event) => { this.#letGo(event); });
    element.addEventListener('pointerleave', () => {
      if (this.#drag !== null) return;
      this.#pointer = null;
      this.#showHover();
    });
  }

  #onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.altKey || event.metaKey || !this.#acts) return;
    const act = this.#actOf(event);
    if (act === null) return;
    // So that the page's own keys do not act too.
    event.preventDefault();
    act();
  }

  #actOf({ key, shiftKey }: KeyboardEvent): (() => void) | null {
    const { seek, seekBy } = this.#actions;
    const pageMs = Math.max(STEP_MS, (this.#durationMs ?? 0) * PAGE);
    const stepMs = shiftKey ? SMALL_STEP_MS : STEP_MS;
    switch (key) {
      case 'ArrowRight':
        return () => { seekBy(stepMs); };
      case 'ArrowLeft':
        return () => { seekBy(-stepMs); };
      case 'ArrowUp':
        return () => { seekBy(SMALL_STEP_MS); };
      case 'ArrowDown':
        return () => { seekBy(-SMALL_STEP_MS); };
      case 'PageUp':
        return () => { seekBy(pageMs); };
      case 'PageDown':
        return () => { seekBy(-pageMs); };
      case 'Home':
        return () => { seek(0); };
      case 'End':
        return this.#durationMs === null ? null : () => { seek(this.#durationMs ?? 0); };
      default:
        return null;
    }
  }

  #take(event: PointerEvent): void {
    const placeMs = this.#placeOf(event.clientX);
    if (!this.#acts || event.button !== 0 || !event.isPrimary || placeMs === null) return;
    this.element.setPointerCapture(event.pointerId);
    this.#drag = { pointerId: event.pointerId, startX: event.clientX, moved: false };
    this.#pointer = { x: event.clientX, isTouch: event.pointerType === 'touch' };
    this.#actions.seek(placeMs);
  }

  #dragTo(event: PointerEvent): void {
    const drag = this.#drag;
    const placeMs = this.#placeOf(event.clientX);
    if (drag?.pointerId !== event.pointerId || placeMs === null) return;
    if (!drag.moved && Math.abs(event.clientX - drag.startX) < DRAG_FROM_PX) return;
    drag.moved = true;
    this.#actions.scrub(placeMs);
  }

  #letGo(event: PointerEvent): void {
    const drag = this.#drag;
    if (drag?.pointerId !== event.pointerId) return;
    this.#drag = null;
    if (drag.moved) this.#actions.endScrub();
    // A finger that is gone points at nothing.
    if (event.pointerType === 'touch') this.#pointer = null;
    this.#showHover();
  }

  /** ms after the first frame; `null` while the duration is unknown. */
  #placeOf(clientX: number): number | null {
    const { left, width } = this.#canvas.getBoundingClientRect();
    if (this.#durationMs === null || width === 0) return null;
    return Math.min(1, Math.max(0, (clientX - left) / width)) * this.#durationMs;
  }

  #showHover(): void {
    const placeMs = this.#pointer === null ? null : this.#placeOf(this.#pointer.x);
    const isShown = placeMs !== null && (this.#drag !== null || this.#pointer?.isTouch === false);
    this.#hover.hidden = !isShown;
    if (!isShown || this.#durationMs === null) return;
    this.#hover.style.left = `${String((placeMs / this.#durationMs) * 100)}%`;
    this.#hover.style.setProperty('--share', String(placeMs / this.#durationMs));
    setText(this.#hoverTime, formatTime(placeMs));
    setText(this.#hoverLabels, labelsOf(this.#marks.at(placeMs)));
  }
}

function labelsOf(mark: Mark | undefined): string {
  const labels = [...(mark?.parts ?? [])].sort((a, b) => b.frames - a.frames).map(({ label }) => label);
  return `${labels.slice(0, MAX_NAMED).join(', ')}${labels.length > MAX_NAMED ? ` +${String(labels.length - MAX_NAMED)}` : ''}`;
}
