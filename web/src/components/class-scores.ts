import { classColour } from '../../../src/core/class-colours.js';
import type { ClassScore } from '../../../src/core/frames.js';
import { el, setText } from '../dom.js';

type Row = { readonly element: HTMLLIElement; readonly swatch: HTMLElement; readonly name: HTMLElement; readonly score: HTMLElement; readonly fill: HTMLElement };

/** What a frame shows as a whole, from a classification model, best first. */
export class ClassScores {
  readonly element = el('ul', { class: 'scores', attributes: { 'aria-label': 'The whole picture' } });
  readonly #rows: Row[] = [];

  constructor() {
    this.element.hidden = true;
  }

  show(classes: readonly ClassScore[]): void {
    this.element.hidden = classes.length === 0;
    for (const [index, found] of classes.entries()) {
      const row = this.#rows[index] ?? this.#addRow();
      row.swatch.style.background = row.fill.style.background = classColour(found.classId);
      row.fill.style.width = `${(Math.min(1, Math.max(0, found.score)) * 100).toFixed(1)}%`;
      setText(row.name, found.label);
      setText(row.score, found.score.toFixed(2));
    }
    for (const surplus of this.#rows.splice(classes.length)) surplus.element.remove();
  }

  #addRow(): Row {
    const swatch = el('span', { class: 'swatch' });
    const name = el('span', { class: 'now-name' });
    const score = el('span', { class: 'now-score' });
    const fill = el('span', { class: 'bar-fill' });
    const bar = el('span', { class: 'bar', attributes: { 'aria-hidden': 'true' } }, fill);
    const row = { element: el('li', { class: 'score-row' }, el('span', { class: 'now-label' }, swatch, name), score, bar), swatch, name, score, fill };
    this.element.append(row.element);
    this.#rows.push(row);
    return row;
  }
}
