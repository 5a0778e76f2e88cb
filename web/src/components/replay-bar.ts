import type { StreamCommand } from '../../../src/core/stream-control.js';
import { TimelineFeed } from '../connection/timeline-feed.js';
import { button, el, icon, setData, setText, type IconName } from '../dom.js';
import { Playback, type Motion, type PlaybackView } from '../model/playback.js';
import type { StreamMoment } from '../model/stream-model.js';
import { formatTime } from '../model/text.js';
import { TimelineMarks } from '../model/timeline-marks.js';
import type { ShownFrame } from '../picture/frame-player.js';
import { formatSpeed, SpeedMenu } from './speed-menu.js';
import { TimelineSlider } from './timeline-slider.js';

const JUMP_MS = 5_000;
const NOTE_ID = 'replay-note';

/** Who looks, and whether what they ask for can be sent. */
export type ViewAccess = { readonly operates: boolean; readonly connected: boolean };

const PLAY_FACES: Readonly<Record<Motion, { readonly icon: IconName; readonly label: string }>> = {
  playing: { icon: 'pause', label: 'Pause' },
  paused: { icon: 'play', label: 'Play' },
  ended: { icon: 'again', label: 'Play again' },
};

/** What stands under the picture of a recording: its controls, where it is, and what was found where. Viewers see it without what acts. */
export class ReplayBar {
  readonly element: HTMLElement;
  readonly #playback: Playback;
  readonly #marks = new TimelineMarks();
  readonly #feed: TimelineFeed;
  readonly #slider: TimelineSlider;
  readonly #speed: SpeedMenu;
  readonly #speedText = el('span', { class: 'speed-text' });
  readonly #position = el('span', { class: 'replay-position' });
  readonly #duration = el('span', { class: 'replay-duration muted' });
  readonly #play: HTMLButtonElement;
  readonly #keys: HTMLElement;
  readonly #note = el('p', { class: 'visually-hidden', text: 'Only operators can control this recording.', attributes: { id: NOTE_ID } });
  #motion: Motion | null = null;
  #acts = false;

  /** @param control sends a command; gives whether it could be sent */
  constructor({ status }: { readonly status: StreamMoment['status'] }, control: (command: StreamCommand) => boolean) {
    this.#playback = new Playback(status, control);
    this.#feed = new TimelineFeed(status.id, (timeline) => {
      this.#marks.setServer(timeline);
      this.#slider.drawMarks();
    });
    this.#slider = new TimelineSlider(
      this.#marks,
      {
        seek: (positionMs) => { this.#act((nowMs) => { this.#playback.seek(positionMs, nowMs); }); },
        seekBy: (byMs) => { this.seekBy(byMs); },
        scrub: (positionMs) => { this.#act((nowMs) => { this.#playback.scrub(positionMs, nowMs); }); },
        endScrub: () => { this.#act((nowMs) => { this.#playback.endScrub(nowMs); }); },
      },
      NOTE_ID,
    );
    this.#speed = new SpeedMenu((speed) => { this.#act((nowMs) => { this.#playback.setSpeed(speed, nowMs); }); });
    this.#play = button({ class: 'tool play', attributes: { 'aria-keyshortcuts': 'Space' } }, () => { this.toggle(); });
    this.#keys = el('div', { class: 'replay-keys', attributes: { role: 'group', 'aria-label': 'Replay' } },
      this.#tool('back5', 'Back 5 seconds', 'ArrowLeft', '←', () => { this.seekBy(-JUMP_MS); }),
      this.#tool('stepBack', 'One frame back', ',', ',', () => { this.step(-1); }),
      this.#play,
      this.#tool('stepForward', 'One frame forward', '.', '.', () => { this.step(1); }),
      this.#tool('forward5', 'Forward 5 seconds', 'ArrowRight', '→', () => { this.seekBy(JUMP_MS); }),
    );
    const time = el('div', { class: 'replay-time' }, this.#position, el('span', { class: 'muted replay-slash', text: '/' }), this.#duration);
    this.element = el('section', { class: 'replay-bar', attributes: { 'aria-label': 'Recording' } }, this.#keys, time, el('div', { class: 'replay-speed' }, this.#speed.element, this.#speedText), this.#slider.element, this.#note);
    this.#show(performance.now());
  }

  /** Plays what stands still, pauses what plays. */
  toggle(): void {
    this.#act((nowMs) => { this.#playback.toggle(nowMs); });
  }

  seekBy(byMs: number): void {
    this.#act((nowMs) => { this.#playback.seekBy(byMs, nowMs); });
  }

  /** @param frames not 0 */
  step(frames: number): void {
    this.#act((nowMs) => { this.#playback.step(frames, nowMs); });
  }

  present({ header, shownAtMs }: ShownFrame): void {
    this.#marks.add(header);
    if (this.#playback.present(header, shownAtMs)) this.#feed.refresh();
    this.#show(shownAtMs);
  }

  update({ status }: StreamMoment, { operates, connected }: ViewAccess): void {
    const nowMs = performance.now();
    this.element.hidden = status.mode !== 'replay';
    this.#acts = operates && !this.element.hidden;
    this.#playback.update(status, nowMs);
    if (!this.element.hidden) this.#feed.tick({ playing: status.state === 'running', connected }, nowMs);
    this.#keys.hidden = !this.#acts;
    this.#speed.element.hidden = !this.#acts;
    this.#speedText.hidden = this.#acts;
    this.#note.hidden = this.#acts;
    setData(this.element, 'readonly', this.#acts ? null : '');
    this.#show(nowMs);
  }

  /** Idempotent. */
  close(): void {
    this.#feed.close();
    this.#slider.close();
  }

  #act(act: (nowMs: number) => void): void {
    if (!this.#acts) return;
    const nowMs = performance.now();
    act(nowMs);
    this.#show(nowMs);
  }

  #show(nowMs: number): void {
    const view = this.#playback.view(nowMs);
    this.#showMotion(view);
    setText(this.#position, formatTime(view.positionMs));
    setText(this.#duration, formatTime(view.durationMs));
    this.#speed.show(view.speed);
    setText(this.#speedText, formatSpeed(view.speed));
    this.#slider.update(view, this.#acts);
    this.#slider.drawMarks();
  }

  #showMotion({ motion }: PlaybackView): void {
    if (motion === this.#motion) return;
    this.#motion = motion;
    const face = PLAY_FACES[motion];
    setData(this.element, 'motion', motion);
    this.#play.setAttribute('aria-label', face.label);
    this.#play.title = `${face.label} (space)`;
    this.#play.replaceChildren(icon(face.icon));
  }

  #tool(name: IconName, label: string, key: string, sign: string, act: () => void): HTMLButtonElement {
    return button({ class: 'tool', attributes: { 'aria-label': label, title: `${label} (${sign})`, 'aria-keyshortcuts': key } }, act, icon(name));
  }
}
