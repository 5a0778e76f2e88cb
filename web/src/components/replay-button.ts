import type { StreamCommand } from '../../../src/core/stream-control.js';
import type { StreamStatus } from '../../../src/core/stream-status.js';
import { button, el, icon } from '../dom.js';

/** Over the last picture of a recording that has ended: plays it again from its start. */
export class ReplayButton {
  readonly element: HTMLButtonElement;

  constructor(onControl: (command: StreamCommand) => void) {
    this.element = button({ class: 'replay-button' }, () => {
      onControl({ action: 'seek', positionMs: 0 });
      onControl({ action: 'play' });
    }, icon('replay'), el('span', { text: 'Play again' }));
    this.element.hidden = true;
  }

  /** @param operates whether whoever looks may control it */
  update({ state, mode }: StreamStatus, operates: boolean): void {
    this.element.hidden = !operates || state !== 'ended' || mode !== 'replay';
  }
}
