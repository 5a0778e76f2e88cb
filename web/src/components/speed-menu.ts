import type { PlaybackSpeed } from '../../../src/core/stream-control.js';
import { el } from '../dom.js';

const SPEEDS: readonly PlaybackSpeed[] = [0.1, 0.25, 0.5, 1, 2, 4, 8, 16, 'max'];

/** How fast a recording plays: at most so many times its own speed. */
export class SpeedMenu {
  readonly element = el('select', { class: 'speed', attributes: { 'aria-label': 'Speed', title: 'Speed' } });

  constructor(onSpeed: (speed: PlaybackSpeed) => void) {
    this.element.append(...SPEEDS.map(optionOf));
    this.element.addEventListener('change', () => { onSpeed(speedOf(this.element.value)); });
  }

  show(speed: PlaybackSpeed): void {
    const value = String(speed);
    if (this.element.value === value) return;
    // Another client may have chosen one that is not in the menu.
    if (![...this.element.options].some((option) => option.value === value)) this.element.prepend(optionOf(speed));
    this.element.value = value;
  }
}

function optionOf(speed: PlaybackSpeed): HTMLOptionElement {
  return el('option', { text: formatSpeed(speed), attributes: { value: String(speed) } });
}

function speedOf(value: string): PlaybackSpeed {
  return value === 'max' ? value : Number(value);
}

/** `0.5×`, `max`. */
export function formatSpeed(speed: PlaybackSpeed): string {
  return speed === 'max' ? 'max' : `${String(speed)}×`;
}
