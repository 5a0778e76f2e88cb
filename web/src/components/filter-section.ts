import { classColour } from '../../../src/core/class-colours.js';
import type { StreamStatus } from '../../../src/core/stream-status.js';
import { button, el, setData, setText } from '../dom.js';
import type { Drawing } from '../model/drawing.js';
import { ownFloor, scoreFloor } from '../model/score-floor.js';
import type { SeenClass, StreamFilter } from '../model/stream-filter.js';
import { plural } from '../model/text.js';

const STEP = 0.01;

type ClassRow = { readonly element: HTMLLIElement; readonly box: HTMLInputElement; readonly name: HTMLElement; readonly floor: HTMLElement; readonly count: HTMLElement };

/** What this viewer wants to see: lowest score, classes, and who draws the boxes. Everything acts at once and only here. */
export class FilterSection {
  readonly element: HTMLElement;
  readonly #filter: StreamFilter;
  readonly #slider = el('input', { class: 'slider', attributes: { type: 'range', id: 'filter-score', min: '0', max: '1', step: String(STEP), 'aria-describedby': 'filter-floor' } });
  readonly #score = el('output', { class: 'filter-score', attributes: { for: 'filter-score' } });
  readonly #floor = el('p', { class: 'muted filter-floor', attributes: { id: 'filter-floor' } });
  readonly #classesWord = el('span');
  readonly #list = el('ul', { class: 'class-list' });
  readonly #none = el('p', { class: 'muted', text: 'No class has been seen yet.' });
  readonly #reset: HTMLButtonElement;
  readonly #drawn = new Map<Drawing, HTMLInputElement>();
  readonly #why = el('p', { class: 'muted', text: 'The server draws everything, so with a filter the page draws.' });
  readonly #rows = new Map<number, ClassRow>();
  #status: Pick<StreamStatus, 'thresholds'>;

  /** @param onDrawing told who shall draw the boxes */
  constructor(filter: StreamFilter, status: Pick<StreamStatus, 'thresholds'>, onDrawing: (drawing: Drawing) => void) {
    this.#filter = filter;
    this.#status = status;
    this.#reset = button({ class: 'text-button small', text: 'Reset', attributes: { 'aria-label': 'Reset the filter: show everything' } }, () => { filter.reset(); });
    const heading = el('h2', { class: 'section-title' }, el('span', { text: 'Filter' }), this.#reset);
    const threshold = el('div', { class: 'filter-line' }, el('label', { text: 'Threshold', attributes: { for: 'filter-score' } }), this.#slider, this.#score);
    this.element = el('section', { class: 'section filter', attributes: { 'aria-label': 'Filter of what this page shows' } }, heading, threshold, this.#floor, this.#details(onDrawing));
    this.#slider.addEventListener('input', () => { filter.setMinScore(this.#slider.valueAsNumber); });
  }

  /** Shows the filter and the classes as they are now.
   * @param drawing who draws at present
   */
  update(status: Pick<StreamStatus, 'thresholds'>, drawing: Drawing): void {
    this.#status = status;
    const floor = scoreFloor(status);
    this.#showScore(this.#filter.minScore ?? floor, floor);
    const classes = this.#filter.classes;
    const shown = classes.filter((each) => each.shown).length;
    setText(this.#classesWord, shown === classes.length ? `all ${plural(shown, 'class', 'classes')}` : `${String(shown)} of ${plural(classes.length, 'class', 'classes')}`);
    this.#none.hidden = classes.length > 0;
    for (const each of classes) this.#showClass(each);
    setData(this.#reset, 'idle', this.#filter.isFiltering ? null : '');
    this.#reset.disabled = !this.#filter.isFiltering;
    for (const [who, radio] of this.#drawn) {
      radio.checked = who === drawing;
      radio.disabled = who === 'server' && this.#filter.isFiltering;
    }
    this.#why.hidden = !this.#filter.isFiltering;
  }

  #details(onDrawing: (drawing: Drawing) => void): HTMLElement {
    const all = button({ class: 'text-button small', text: 'All', attributes: { 'aria-label': 'Show all classes' } }, () => { this.#filter.setAllShown(true); });
    const none = button({ class: 'text-button small', text: 'None', attributes: { 'aria-label': 'Hide all classes' } }, () => { this.#filter.setAllShown(false); });
    const legend = el('legend', { class: 'visually-hidden', text: 'Classes' });
    const classes = el('fieldset', { class: 'plain' }, legend, el('div', { class: 'filter-all' }, all, none), this.#none, this.#list);
    const drawn = el('fieldset', { class: 'plain drawn-by' }, el('legend', { text: 'Boxes drawn by' }), this.#radio('client', 'page', onDrawing), this.#radio('server', 'server', onDrawing));
    const summary = el('summary', {}, el('span', { text: 'Classes and boxes' }), el('span', { class: 'section-figure muted' }, this.#classesWord));
    return el('details', { class: 'filter-details' }, summary, classes, drawn, this.#why);
  }

  #radio(drawing: Drawing, text: string, onDrawing: (drawing: Drawing) => void): HTMLElement {
    const radio = el('input', { attributes: { type: 'radio', name: 'drawing', value: drawing } });
    radio.addEventListener('change', () => { onDrawing(drawing); });
    this.#drawn.set(drawing, radio);
    return el('label', { class: 'check' }, radio, el('span', { text }));
  }

  #showScore(score: number, floor: number): void {
    const text = score.toFixed(2);
    if (this.#slider.value !== String(score)) this.#slider.value = String(score);
    setText(this.#score, text);
    this.#slider.setAttribute('aria-valuetext', text);
    this.#slider.style.setProperty('--floor', String(floor));
    this.#slider.style.setProperty('--value', String(score));
    setText(this.#floor, `Below ${floor.toFixed(2)} the server sends nothing of this stream.`);
    setData(this.#floor, 'below', score < floor ? '' : null);
  }

  #showClass({ classId, label, shown, count }: SeenClass): void {
    let row = this.#rows.get(classId);
    if (row === undefined) {
      row = this.#makeClass(classId);
      this.#rows.set(classId, row);
      this.#list.append(row.element);
    }
    const floor = ownFloor(label, this.#status);
    setText(row.name, label);
    setText(row.floor, floor === null ? '' : `from ${floor.toFixed(2)}`);
    setText(row.count, String(count));
    row.box.checked = shown;
  }

  #makeClass(classId: number): ClassRow {
    const box = el('input', { attributes: { type: 'checkbox' } });
    box.addEventListener('change', () => { this.#filter.setShown(classId, box.checked); });
    const swatch = el('span', { class: 'swatch' });
    swatch.style.background = classColour(classId);
    const name = el('span', { class: 'class-name' });
    const floor = el('span', { class: 'muted' });
    const count = el('span', { class: 'class-count', attributes: { title: 'On this frame' } });
    return { element: el('li', {}, el('label', { class: 'check' }, box, swatch, name, floor, count)), box, name, floor, count };
  }
}
