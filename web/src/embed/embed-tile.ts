import type { StreamStatus } from '../../../src/core/stream-status.js';
import type { ServerMessage } from '../../../src/viewers/protocol.js';
import { Connection, type ConnectionListener, type ConnectionState } from '../connection/connection.js';
import type { FrameMessage } from '../connection/frame-message.js';
import { el, setData, setText } from '../dom.js';
import { askedWidthPx } from '../model/asked-picture.js';
import { FrameBudget, type FrameTally } from '../model/frame-budget.js';
import { streamHash } from '../model/route.js';
import { StreamModel } from '../model/stream-model.js';
import { formatAge } from '../model/text.js';
import type { ShownFrame } from '../picture/frame-player.js';
import { PictureSurface } from '../picture/picture-surface.js';
import type { EmbedAddress } from './embed-address.js';
import { socketAddress, TokenRefusedError } from './socket-address.js';

const REFRESH_MS = 250;
const MAX_FPS = 30;

/** One stream in a frame of somebody else's page: its picture, its name, how old it is and, where it is not live, why. */
export class EmbedTile implements ConnectionListener {
  readonly #address: EmbedAddress;
  readonly #connection: Connection;
  readonly #tally: FrameTally = { received: 0, discarded: 0 };
  readonly #budget = new FrameBudget();
  readonly #surface: PictureSurface;
  readonly #sign = el('span', { class: 'sign', attributes: { 'aria-hidden': 'true' } });
  readonly #name: HTMLAnchorElement;
  readonly #word = el('span', { class: 'embed-word' });
  readonly #age = el('span', { class: 'embed-age' });
  readonly #message = el('p', { class: 'embed-message', attributes: { role: 'status' } });
  readonly #element: HTMLElement;
  #model: StreamModel | null = null;
  #state: ConnectionState = { kind: 'connecting' };
  /** Whether the service ever let this tile in. */
  #greeted = false;
  #refusal: string | null = null;
  #inSight = true;

  constructor(root: HTMLElement, address: EmbedAddress) {
    this.#address = address;
    this.#connection = new Connection(() => this.#socketAddress(), this);
    this.#surface = new PictureSurface(`Picture of ${address.stream}`);
    this.#name = el('a', { class: 'embed-name', text: address.stream, attributes: { href: `${address.serviceUrl}${streamHash(address.stream)}`, target: '_blank', rel: 'noopener', title: 'Open in Sightline' } });
    const caption = el('div', { class: 'embed-caption' }, this.#sign, this.#name, this.#word, this.#age);
    this.#element = el('main', { class: 'embed', attributes: { 'data-stream': address.stream } }, el('div', { class: 'embed-stage' }, this.#surface.element, this.#message), caption);
    root.append(this.#element);
  }

  start(): void {
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) this.#connection.retryNow();
      this.#ask();
    });
    window.addEventListener('online', () => { this.#connection.retryNow(); });
    new ResizeObserver(() => { this.#ask(); }).observe(this.#surface.element);
    // Of the page around it too: a tile that is scrolled out of sight costs nothing.
    new IntersectionObserver(([entry]) => {
      this.#inSight = entry?.isIntersecting ?? true;
      this.#ask();
    }).observe(this.#surface.element);
    window.setInterval(() => { this.#refresh(); }, REFRESH_MS);
    this.#connection.start();
  }

  onState(state: ConnectionState): void {
    this.#state = state;
    if (state.kind === 'open') this.#greeted = true;
    if (state.kind === 'lost') this.#model?.interrupt(performance.now());
    this.#refresh();
  }

  onMessage(message: Exclude<ServerMessage, { type: 'pong' }>): void {
    switch (message.type) {
      case 'hello': {
        const status = message.streams.find(({ id }) => id === this.#address.stream);
        if (status === undefined) this.#remove();
        else this.#update(status);
        break;
      }
      case 'stream':
        if (message.stream.id === this.#address.stream) this.#update(message.stream);
        break;
      case 'removed':
        if (message.stream === this.#address.stream) this.#remove();
        break;
      case 'error':
        // About what was asked; the stream's own state says what there is to say.
        break;
    }
  }

  onFrame(message: FrameMessage, receivedAtMs: number): void {
    this.#model?.player.push(message, receivedAtMs);
  }

  async #socketAddress(): Promise<string> {
    try {
      const address = await socketAddress(this.#address);
      this.#refusal = null;
      return address;
    } catch (error) {
      this.#refusal = error instanceof TokenRefusedError ? error.message : null;
      // Who may not look any more keeps no picture either.
      if (this.#refusal !== null) this.#remove();
      throw error;
    }
  }

  #update(status: StreamStatus): void {
    if (this.#model === null) {
      this.#model = new StreamModel(status, (seq) => { this.#connection.ack(status.id, seq); }, this.#tally);
      this.#model.attach({ present: (frame: ShownFrame) => { this.#surface.paint(frame); } });
    }
    this.#model.status = status;
    document.title = status.name;
    this.#ask();
    this.#refresh();
  }

  #remove(): void {
    this.#connection.forget(this.#address.stream);
    this.#model?.close();
    this.#model = null;
    this.#refresh();
  }

  #ask(): void {
    if (this.#model === null) return;
    const seen = this.#inSight && !document.hidden;
    this.#model.setAsked(seen, performance.now());
    const widthPx = this.#surface.element.clientWidth;
    this.#connection.want(this.#address.stream, seen ? { maxWidthPx: askedWidthPx(widthPx, devicePixelRatio), maxFps: this.#budget.maxFps(1, MAX_FPS) } : null);
  }

  #refresh(): void {
    const nowMs = performance.now();
    if (this.#budget.observe(this.#tally, nowMs)) this.#ask();
    const problem = this.#problem();
    this.#message.hidden = problem === null;
    setText(this.#message, problem ?? '');
    this.#surface.element.hidden = this.#model === null;
    if (this.#model === null) {
      setData(this.#element, 'live', null);
      for (const part of [this.#sign, this.#word, this.#age]) setText(part, '');
      return;
    }
    const moment = this.#model.moment(this.#connection.clock, this.#state.kind === 'open', nowMs);
    this.#surface.setAspect(this.#model.aspect);
    this.#surface.update(moment);
    setData(this.#element, 'state', moment.status.state);
    setData(this.#element, 'live', moment.face.live ? '' : null);
    setText(this.#sign, moment.face.sign);
    setText(this.#name, moment.status.name);
    setText(this.#word, moment.face.word);
    setText(this.#age, moment.status.mode === 'live' && moment.ageMs !== null ? formatAge(moment.ageMs) : '');
  }

  /** What is to be said while there is no stream to show. */
  #problem(): string | null {
    if (this.#refusal !== null) return this.#refusal;
    if (this.#model !== null) return null;
    if (this.#state.kind === 'open') return `There is no stream “${this.#address.stream}” here, or not any more.`;
    if (this.#state.kind === 'connecting' || this.#greeted) return 'Connecting to the server…';
    return this.#address.token === null ? 'The server does not answer, or this tile needs a token.' : 'The server does not answer.';
  }
}
