import { el, setData, setText } from '../dom.js';
import { latencyParts, totalMs, type LatencyPart } from '../model/latency.js';
import { formatAge } from '../model/text.js';
import type { FrameHeader } from '../../../src/viewers/protocol.js';

const PART_TITLES: Readonly<Record<LatencyPart['name'], string>> = {
  capture: 'From the frame’s first byte to its last',
  queue: 'Waiting for the detector',
  predict: 'In the detector',
  draw: 'Drawing the boxes and making the JPEG',
  wait: 'Waiting until this page asked, or was ready, for it',
  send: 'On the network',
  show: 'Decoding and painting in this page',
};

type PartView = { readonly segment: HTMLElement; readonly figure: HTMLElement };

/** Where the time of the frame on the screen went. */
export class LatencySection {
  readonly element: HTMLElement;
  readonly #total = el('span', { class: 'section-figure', text: '–' });
  readonly #parts = new Map<LatencyPart['name'], PartView>();

  constructor() {
    const bar = el('div', { class: 'latency-bar', attributes: { 'aria-hidden': 'true' } });
    const list = el('dl', { class: 'figures' });
    for (const name of Object.keys(PART_TITLES) as LatencyPart['name'][]) {
      const segment = el('span', { class: 'latency-segment', attributes: { 'data-part': name } });
      const key = el('span', { class: 'latency-key', attributes: { 'data-part': name, 'aria-hidden': 'true' } });
      const figure = el('dd', { text: '–' });
      bar.append(segment);
      list.append(el('div', { attributes: { title: PART_TITLES[name] } }, el('dt', {}, key, document.createTextNode(name)), figure));
      this.#parts.set(name, { segment, figure });
    }
    const heading = el('h2', { class: 'section-title' }, el('span', { text: 'Age when shown' }), this.#total);
    this.element = el('section', { class: 'section' }, heading, bar, list);
  }

  /** @param times on the server's clock, epoch ms; `null` while the clocks are not compared */
  update(header: FrameHeader, times: { readonly receivedAtMs: number; readonly shownAtMs: number } | null): void {
    if (times === null) return;
    const parts = latencyParts(header, times);
    const sumMs = totalMs(parts);
    setText(this.#total, formatAge(sumMs));
    for (const { name, ms } of parts) {
      const view = this.#parts.get(name);
      if (view === undefined) continue;
      view.segment.style.flexGrow = String(sumMs > 0 ? ms / sumMs : 0);
      setData(view.segment, 'none', ms < 0.5 ? '' : null);
      setText(view.figure, formatAge(ms));
    }
  }
}
