import type { StreamCommand } from '../../../src/core/stream-control.js';
import { button, icon, setData } from '../dom.js';
import type { StreamMoment } from '../model/stream-model.js';
import type { ViewAccess } from './replay-bar.js';

/** Stops a live stream's source for everybody, and starts it again; for operators. */
export class LiveSwitch {
  readonly element: HTMLButtonElement;
  #isPaused: boolean | null = null;

  /** @param control sends a command; gives whether it could be sent */
  constructor(control: (command: StreamCommand) => boolean) {
    this.element = button({ class: 'tool' }, () => { control({ action: this.#isPaused === true ? 'play' : 'pause' }); });
    this.element.hidden = true;
  }

  update({ status }: StreamMoment, { operates }: ViewAccess): void {
    this.element.hidden = status.mode !== 'live' || !operates;
    const isPaused = status.state === 'paused';
    if (isPaused === this.#isPaused) return;
    this.#isPaused = isPaused;
    const label = isPaused ? 'Start the source again' : 'Stop the source, for everybody';
    this.element.setAttribute('aria-label', label);
    this.element.title = label;
    setData(this.element, 'paused', isPaused ? '' : null);
    this.element.replaceChildren(icon(isPaused ? 'play' : 'pause'));
  }
}
