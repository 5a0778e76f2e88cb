import type { StreamCommand } from '../../../src/core/stream-control.js';
import type { Detection } from '../../../src/core/frames.js';
import { button, el, icon, setData, setText, type IconName } from '../dom.js';
import type { FrameView, StreamModel, StreamMoment } from '../model/stream-model.js';
import type { ShownFrame } from '../picture/frame-player.js';
import { PictureSurface } from '../picture/picture-surface.js';
import { FramesSection, SourceSection } from './figures-section.js';
import { LatencySection } from './latency-section.js';
import { LiveSwitch } from './live-switch.js';
import { NowList } from './now-list.js';
import { ReplayBar, type ViewAccess } from './replay-bar.js';

export type StreamViewActions = {
  readonly onBack: () => void;
  readonly onNeighbour: (by: -1 | 1) => void;
  /** @returns whether the command could be sent */
  readonly onControl: (command: StreamCommand) => boolean;
  readonly onChange: () => void;
  readonly onRemove: () => void;
};

/** The large view of one stream: its picture, what is on this very frame, and where the time and the frames went. */
export class StreamView implements FrameView {
  readonly element: HTMLElement;
  readonly model: StreamModel;
  readonly #surface: PictureSurface;
  readonly #highlight = el('div', { class: 'highlight' });
  readonly #title = el('h1', { class: 'stream-name', attributes: { tabindex: '-1' } });
  readonly #sign = el('span', { class: 'sign', attributes: { 'aria-hidden': 'true' } });
  readonly #word = el('span', { class: 'stream-word' });
  readonly #now: NowList;
  readonly #latency = new LatencySection();
  readonly #frames = new FramesSection();
  readonly #source = new SourceSection();
  readonly #replay: ReplayBar;
  readonly #liveSwitch: LiveSwitch;
  /** The picture with what controls it. */
  readonly #viewing: HTMLElement;
  readonly #resize: ResizeObserver;
  /** For those who may change streams. */
  readonly #manage: HTMLElement;

  /** @param onResize called when the picture has another width than before */
  constructor(model: StreamModel, actions: StreamViewActions, onResize: () => void) {
    this.model = model;
    this.#surface = new PictureSurface(`Picture of ${model.status.name}`);
    this.#highlight.hidden = true;
    this.#surface.element.append(this.#highlight);
    this.#now = new NowList((detection) => { this.#mark(detection); });
    this.#manage = el('div', { class: 'buttons manage' }, button({ class: 'text-button outlined', text: 'Change …' }, actions.onChange), button({ class: 'text-button outlined', text: 'Remove …' }, actions.onRemove));
    this.#source.element.append(this.#manage);
    this.#replay = new ReplayBar(model, actions.onControl);
    this.#liveSwitch = new LiveSwitch(actions.onControl);
    this.#viewing = el('div', { class: 'viewing' }, el('div', { class: 'stage' }, this.#surface.element), this.#replay.element);
    const panel = el('aside', { class: 'panel', attributes: { 'aria-label': 'About this frame' } }, this.#now.element, this.#latency.element, this.#frames.element, this.#source.element);
    this.element = el('main', { class: 'stream-view', attributes: { 'data-stream': model.status.id } }, this.#bar(actions), this.#viewing, panel);
    this.#listenToPointer();
    this.#resize = new ResizeObserver(onResize);
    this.#resize.observe(this.#surface.element);
    model.attach(this);
  }

  /** Width of the picture, CSS pixels. */
  get widthPx(): number {
    return this.#surface.element.clientWidth;
  }

  /** The controls of a recording; `null` of a live stream. */
  get replay(): ReplayBar | null {
    return this.model.status.mode === 'replay' ? this.#replay : null;
  }

  focus(): void {
    this.#title.focus({ preventScroll: true });
  }

  present(frame: ShownFrame): void {
    this.#surface.paint(frame);
    this.#surface.canvas.dataset['header'] = JSON.stringify(frame.header);
    this.#now.present(frame);
    this.#replay.present(frame);
  }

  /** @param toServerMs turns a time of the page's clock into the server's; `null` while the clocks are not compared */
  update(moment: StreamMoment, toServerMs: (localMs: number) => number | null, access: ViewAccess): void {
    const { status, face, frame } = moment;
    this.#surface.setAspect(this.model.aspect);
    this.#surface.update(moment);
    setData(this.element, 'state', status.state);
    setData(this.element, 'live', face.live ? '' : null);
    setText(this.#title, status.name);
    setText(this.#sign, face.sign);
    setText(this.#word, face.word);
    this.#now.update(moment);
    this.#replay.update(moment, access);
    this.#liveSwitch.update(moment, access);
    this.#frames.update(moment);
    this.#source.update(moment);
    this.#manage.hidden = !access.operates;
    if (frame === null) return;
    const receivedAtMs = toServerMs(frame.receivedAtMs);
    const shownAtMs = toServerMs(frame.shownAtMs);
    this.#latency.update(frame.header, receivedAtMs === null || shownAtMs === null ? null : { receivedAtMs, shownAtMs });
  }

  /** Saves the picture on the screen, as the server sent it. */
  saveSnapshot(): void {
    const frame = this.model.player.shown;
    if (frame === null) return;
    const url = URL.createObjectURL(new Blob([frame.jpeg], { type: 'image/jpeg' }));
    const link = el('a', { attributes: { href: url, download: `${frame.header.stream}-${String(frame.header.seq)}.jpg` } });
    link.click();
    // The download has read the address once the click is dispatched; the next task is early enough to let go.
    window.setTimeout(() => { URL.revokeObjectURL(url); }, 0);
  }

  /** Fills the screen with the picture, or leaves it. */
  toggleFullScreen(): void {
    const change = document.fullscreenElement === null ? this.#viewing.requestFullscreen() : document.exitFullscreen();
    // Refused by the browser or the user: the page simply stays as it is.
    change.catch((error: unknown) => { if (!(error instanceof TypeError)) throw error; });
  }

  /** Idempotent. */
  close(): void {
    this.#resize.disconnect();
    this.#replay.close();
    this.model.detach(this);
    this.element.remove();
  }

  #bar(actions: StreamViewActions): HTMLElement {
    const tool = (name: IconName, label: string, key: string, act: () => void): HTMLButtonElement =>
      button({ class: 'tool', attributes: { 'aria-label': label, title: `${label} (${key})`, 'aria-keyshortcuts': key } }, act, icon(name));
    const canFill = document.fullscreenEnabled ? [tool('expand', 'Full screen', 'f', () => { this.toggleFullScreen(); })] : [];
    return el(
      'div',
      { class: 'stream-bar' },
      button({ class: 'text-button back', attributes: { title: 'All streams (Esc)' } }, actions.onBack, icon('back'), el('span', { text: 'All streams' })),
      el('div', { class: 'stream-heading' }, this.#sign, this.#title, this.#word),
      el(
        'div',
        { class: 'tools' },
        this.#liveSwitch.element,
        tool('previous', 'Previous stream', '[', () => { actions.onNeighbour(-1); }),
        tool('next', 'Next stream', ']', () => { actions.onNeighbour(1); }),
        tool('camera', 'Save this picture', 's', () => { this.saveSnapshot(); }),
        ...canFill,
      ),
    );
  }

  #listenToPointer(): void {
    const picture = this.#surface.element;
    picture.addEventListener('pointermove', (event) => {
      const header = this.model.player.shown?.header;
      const area = picture.getBoundingClientRect();
      if (header === undefined || area.width === 0) return;
      this.#now.pointAt({ x: ((event.clientX - area.left) / area.width) * header.widthPx, y: ((event.clientY - area.top) / area.height) * header.heightPx });
    });
    picture.addEventListener('pointerleave', () => { this.#now.pointAt(null); });
  }

  #mark(detection: Detection | null): void {
    const header = this.model.player.shown?.header;
    this.#highlight.hidden = detection === null || header === undefined;
    if (detection === null || header === undefined) return;
    const [x1, y1, x2, y2] = detection.box;
    const { style } = this.#highlight;
    style.left = `${String((x1 / header.widthPx) * 100)}%`;
    style.top = `${String((y1 / header.heightPx) * 100)}%`;
    style.width = `${String(((x2 - x1) / header.widthPx) * 100)}%`;
    style.height = `${String(((y2 - y1) / header.heightPx) * 100)}%`;
  }
}
