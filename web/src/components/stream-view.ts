import type { DetectionRecord } from '../../../src/core/detection-record.js';
import type { StreamCommand } from '../../../src/core/stream-control.js';
import { button, el, icon, setData, setText, type IconName } from '../dom.js';
import { readDrawing, writeDrawing, type Drawing } from '../model/drawing.js';
import { StreamFilter, type Filtered } from '../model/stream-filter.js';
import type { FrameView, StreamModel, StreamMoment } from '../model/stream-model.js';
import type { ShownFrame } from '../picture/frame-player.js';
import { PictureSurface } from '../picture/picture-surface.js';
import { saveFile, snapshotOf } from '../picture/snapshot.js';
import { FramesSection, SourceSection } from './figures-section.js';
import { FilterSection } from './filter-section.js';
import { FilterSign } from './filter-sign.js';
import { LatencySection } from './latency-section.js';
import { LiveSwitch } from './live-switch.js';
import { NowList } from './now-list.js';
import { PictureMark } from './picture-mark.js';
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
  readonly #mark = new PictureMark();
  readonly #filter: StreamFilter;
  readonly #filterSection: FilterSection;
  readonly #filterSign: FilterSign;
  readonly #onAsk: () => void;
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
  /** Chosen; while something is filtered this page draws. */
  #drawing = readDrawing();
  #shown: Filtered = { findings: { detections: [] }, hiddenCount: 0 };

  /** @param onAsk called when another picture is wanted than before: another width, or drawn by another */
  constructor(model: StreamModel, actions: StreamViewActions, onAsk: () => void) {
    this.model = model;
    this.#onAsk = onAsk;
    this.#surface = new PictureSurface(`Picture of ${model.status.name}`);
    this.#filter = new StreamFilter(model.status.id, () => { this.#refilter(); });
    this.#filterSection = new FilterSection(this.#filter, model.status, (drawing) => { this.#chooseDrawing(drawing); });
    this.#filterSign = new FilterSign(() => { this.#filter.reset(); });
    this.#surface.element.append(this.#mark.frame, this.#mark.card, this.#filterSign.element);
    this.#now = new NowList((detection) => { this.#markBox(detection); });
    this.#manage = el('div', { class: 'buttons manage' }, button({ class: 'text-button outlined', text: 'Change …' }, actions.onChange), button({ class: 'text-button outlined', text: 'Remove …' }, actions.onRemove));
    this.#source.element.append(this.#manage);
    this.#replay = new ReplayBar(model, actions.onControl);
    this.#liveSwitch = new LiveSwitch(actions.onControl);
    this.#viewing = el('div', { class: 'viewing' }, el('div', { class: 'stage' }, this.#surface.element), this.#replay.element);
    const panel = el('aside', { class: 'panel', attributes: { 'aria-label': 'About this frame' } }, this.#now.element, this.#filterSection.element, this.#latency.element, this.#frames.element, this.#source.element);
    this.element = el('main', { class: 'stream-view', attributes: { 'data-stream': model.status.id } }, this.#bar(actions), this.#viewing, panel);
    this.#listenToPointer();
    this.#resize = new ResizeObserver(onAsk);
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

  /** Who is to draw the boxes. */
  get drawing(): Drawing {
    return this.#filter.isFiltering ? 'client' : this.#drawing;
  }

  focus(): void {
    this.#title.focus({ preventScroll: true });
  }

  present(frame: ShownFrame): void {
    this.#shown = this.#filter.take(frame.header);
    this.#surface.paint(frame, this.#shown.findings);
    this.#surface.canvas.dataset['header'] = JSON.stringify(frame.header);
    this.#now.present(frame, this.#shown.findings, this.#shown.hiddenCount);
    this.#replay.present(frame);
    this.#showFilter();
  }

  /** @param toServerMs turns a time of the page's clock into the server's; `null` while the clocks are not compared */
  update(moment: StreamMoment, toServerMs: (localMs: number) => number | null, access: ViewAccess): void {
    const { status, face, frame } = moment;
    this.#surface.setAspect(this.model.aspect);
    this.#surface.update(moment);
    this.#showFilter();
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

  /** Saves the picture on the screen, with the boxes that are to be seen. */
  saveSnapshot(): void {
    const frame = this.model.player.shown;
    if (frame === null) return;
    const name = `${frame.header.stream}-${String(frame.header.seq)}.jpg`;
    void snapshotOf(frame, this.#shown.findings).then((blob) => { saveFile(blob, name); });
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
    this.#surface.close();
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
    const pointOf = ({ clientX, clientY }: MouseEvent): { x: number; y: number } | null => {
      const header = this.model.player.shown?.header;
      const area = picture.getBoundingClientRect();
      if (header === undefined || area.width === 0) return null;
      return { x: ((clientX - area.left) / area.width) * header.widthPx, y: ((clientY - area.top) / area.height) * header.heightPx };
    };
    picture.addEventListener('pointermove', (event) => {
      // A finger that scrolls points at nothing; its tap is a click.
      if (event.pointerType !== 'touch') this.#now.pointAt(pointOf(event));
    });
    picture.addEventListener('pointerleave', () => { this.#now.pointAt(null); });
    picture.addEventListener('click', (event) => {
      const point = pointOf(event);
      if (point !== null && !(event.target instanceof Element && event.target.closest('button') !== null)) this.#now.holdAt(point);
    });
  }

  #markBox(detection: DetectionRecord | null): void {
    const header = this.model.player.shown?.header;
    if (detection === null || header === undefined) {
      this.#mark.hide();
      return;
    }
    const { widthPx, heightPx } = this.model.status;
    this.#mark.show(detection, header, widthPx === null || heightPx === null ? null : { widthPx, heightPx });
  }

  #chooseDrawing(drawing: Drawing): void {
    this.#drawing = drawing;
    writeDrawing(drawing);
    this.#refilter();
  }

  /** The filter, or who draws, is another: shows the frame on the screen anew and asks for what is wanted now. */
  #refilter(): void {
    const frame = this.model.player.shown;
    if (frame !== null) this.present(frame);
    this.#showFilter();
    this.#onAsk();
  }

  #showFilter(): void {
    this.#filterSection.update(this.model.status, this.drawing);
    const header = this.model.player.shown?.header;
    this.#filterSign.update(this.#filter.isFiltering ? this.#shown.hiddenCount : null, header === undefined || header.render === 'client');
  }
}
