import type { ServerMessage } from '../../src/viewers/protocol.js';
import type { StreamStatus } from '../../src/core/stream-status.js';
import { ApiError, type ApiClient } from './api/api-client.js';
import { Announcer } from './components/announcer.js';
import { ConnectionBanner } from './components/connection-banner.js';
import { firstRun } from './components/first-run.js';
import { HeaderBar } from './components/header-bar.js';
import { HelpDialog } from './components/help-dialog.js';
import { connecting, messageView, noSuchStream } from './components/message-view.js';
import { Notice } from './components/notice.js';
import { SignIn } from './components/sign-in.js';
import { StreamManager } from './components/stream-manager.js';
import { StreamView } from './components/stream-view.js';
import { TileGrid } from './components/tile-grid.js';
import { Connection, type ConnectionListener, type ConnectionState } from './connection/connection.js';
import type { FrameMessage } from './connection/frame-message.js';
import { el } from './dom.js';
import { listenToKeys } from './keyboard.js';
import { askedWidthPx } from './model/asked-picture.js';
import { FrameBudget, type FrameTally } from './model/frame-budget.js';
import type { Route } from './model/route.js';
import { StreamModel, type StreamMoment } from './model/stream-model.js';
import { detectorSummary, streamsSummary } from './model/summary.js';
import { Navigation } from './navigation.js';
import { SessionKeeper, type SessionState } from './session.js';
import { sentence } from './model/text.js';
import { toggleTheme } from './theme.js';

/** How often ages and figures are brought up to date: often enough to read, too seldom to flicker. */
const REFRESH_MS = 250;
/** As fast as a tile and the large view ever need to be. */
const TILE_FPS = 30;
const LARGE_FPS = 60;

/** The page: owns the connection, the streams and the views, and carries what comes to where it shows. */
export class App implements ConnectionListener {
  readonly #connection: Connection;
  readonly #session: SessionKeeper;
  readonly #signIn: SignIn;
  readonly #manager: StreamManager;
  readonly #streams = new Map<string, StreamModel>();
  readonly #navigation = new Navigation(() => [...this.#streams.keys()], (before, now) => { this.#onMove(before, now); });
  readonly #header: HeaderBar;
  readonly #banner: ConnectionBanner;
  readonly #notice = new Notice();
  readonly #grid = new TileGrid(() => { this.#ask(); });
  readonly #help = new HelpDialog();
  readonly #announcer = new Announcer();
  readonly #place = el('div', { class: 'place' });
  readonly #tally: FrameTally = { received: 0, discarded: 0 };
  readonly #budget = new FrameBudget();
  #state: ConnectionState = { kind: 'connecting' };
  #greeted = false;
  #streamView: StreamView | null = null;

  /** @param url of the WebSocket */
  constructor(root: HTMLElement, url: string, api: ApiClient) {
    this.#connection = new Connection(url, this);
    this.#session = new SessionKeeper(api, (state) => { this.#onSession(state); });
    this.#signIn = new SignIn((token) => this.#session.signIn(token));
    this.#manager = new StreamManager(api, (sentence) => { this.#notice.show(sentence); });
    this.#header = new HeaderBar({
      onTheme: toggleTheme,
      onHelp: () => { this.#help.toggle(); },
      onAdd: () => { this.#manager.add(); },
      onSignOut: () => { void this.#signOut(); },
    });
    this.#banner = new ConnectionBanner(() => { this.#connection.retryNow(); });
    root.append(this.#header.element, this.#banner.element, this.#notice.element, this.#place, this.#help.element, this.#announcer.element);
  }

  start(): void {
    window.addEventListener('online', () => { this.#connection.retryNow(); });
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) this.#connection.retryNow();
      this.#ask();
    });
    listenToKeys({
      openByIndex: (index) => { this.#navigation.openByIndex(index); },
      back: () => { this.#navigation.back(); },
      neighbour: (by) => { this.#navigation.openNeighbour(by); },
      replay: () => this.#streamView?.replay ?? null,
      snapshot: () => this.#streamView?.saveSnapshot(),
      fullScreen: () => this.#streamView?.toggleFullScreen(),
      add: () => { if (this.#session.operates) this.#manager.add(); },
      theme: toggleTheme,
      help: () => { this.#help.toggle(); },
    });
    window.setInterval(() => { this.#refresh(); }, REFRESH_MS);
    this.#render();
    void this.#begin();
  }

  /** Connects, unless a token must be had first. */
  async #begin(): Promise<void> {
    await this.#session.check();
    if (this.#session.state.kind !== 'needed') this.#connection.start();
  }

  async #signOut(): Promise<void> {
    try {
      await this.#session.signOut();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#notice.show(`${error.message}: you are still signed in.`);
    }
  }

  #onSession(state: SessionState): void {
    this.#header.showSession(state.kind === 'open' ? state.session : null);
    if (state.kind === 'open') {
      this.#connection.start();
    } else if (state.kind === 'needed') {
      this.#connection.close();
      this.#greeted = false;
      for (const id of [...this.#streams.keys()]) this.#removeStream(id);
      this.#signIn.ask(state.why);
    }
    this.#render();
    if (state.kind === 'needed') this.#signIn.focus();
  }

  onState(state: ConnectionState): void {
    const before = this.#state.kind;
    this.#state = state;
    // A socket that is refused does not say why: it may be the token.
    if (state.kind === 'lost') void this.#session.check();
    if (state.kind === 'lost') for (const model of this.#streams.values()) model.interrupt(performance.now());
    if (state.kind === 'lost' && before !== 'lost') this.#announcer.say('Connection to the server lost, trying again');
    if (state.kind === 'open' && before === 'lost') this.#announcer.say('Connected again');
    this.#refresh();
  }

  onMessage(message: Exclude<ServerMessage, { type: 'pong' }>): void {
    switch (message.type) {
      case 'hello':
        this.#greet(message.streams);
        break;
      case 'stream':
        this.#updateStream(message.stream);
        break;
      case 'removed':
        this.#removeStream(message.stream);
        break;
      case 'error':
        this.#notice.show(`The server refused what this page asked${message.stream === undefined ? '' : ` about “${this.#streams.get(message.stream)?.status.name ?? message.stream}”`}: ${sentence(message.message)}`);
        break;
    }
  }

  onFrame(message: FrameMessage, receivedAtMs: number): void {
    this.#streams.get(message.header.stream)?.player.push(message, receivedAtMs);
  }

  #greet(streams: readonly StreamStatus[]): void {
    this.#greeted = true;
    // A token may have got another role meanwhile.
    void this.#session.check();
    this.#notice.clear();
    const present = new Set(streams.map(({ id }) => id));
    for (const id of [...this.#streams.keys()]) if (!present.has(id)) this.#removeStream(id);
    for (const status of streams) this.#updateStream(status);
    this.#render();
  }

  #updateStream(status: StreamStatus): void {
    const model = this.#streams.get(status.id);
    if (model === undefined) {
      this.#addStream(status);
      return;
    }
    const before = { state: model.status.state, aspect: model.aspect };
    model.status = status;
    if (model.aspect !== before.aspect) this.#grid.layout();
    if (status.state !== before.state) this.#announcer.say(`${status.name}: ${this.#momentOf(model, performance.now()).face.word}`);
    this.#refreshStream(model, performance.now());
  }

  #addStream(status: StreamStatus): void {
    const model = new StreamModel(status, (seq) => { this.#connection.ack(status.id, seq); }, this.#tally);
    this.#streams.set(status.id, model);
    this.#grid.add(model);
    this.#refreshStream(model, performance.now());
    this.#render();
  }

  #removeStream(id: string): void {
    const model = this.#streams.get(id);
    if (model === undefined) return;
    this.#streams.delete(id);
    this.#connection.forget(id);
    this.#grid.remove(id);
    if (this.#streamView?.model === model) this.#closeStreamView();
    model.close();
    if (this.#session.state.kind !== 'needed') this.#announcer.say(`${model.status.name} was removed`);
    this.#render();
  }

  #onMove(before: Route, now: Route): void {
    this.#render();
    if (now.view === 'stream') this.#streamView?.focus();
    else if (before.view === 'stream') this.#grid.focus(before.stream);
  }

  /** Puts the view in place that the address and the streams ask for. */
  #render(): void {
    const { route } = this.#navigation;
    const wanted = route.view === 'stream' ? this.#streams.get(route.stream) : undefined;
    if (this.#streamView !== null && this.#streamView.model !== wanted) this.#closeStreamView();
    const view = wanted === undefined ? this.#viewWithoutStream() : this.#openStreamView(wanted).element;
    if (this.#place.firstElementChild !== view || this.#place.childElementCount !== 1) this.#place.replaceChildren(view);
    document.title = wanted === undefined ? 'Sightline' : `${wanted.status.name} · Sightline`;
    this.#ask();
    this.#refresh();
  }

  #viewWithoutStream(): HTMLElement {
    if (this.#session.state.kind === 'needed') return this.#signIn.element;
    if (!this.#greeted) return connecting();
    if (this.#navigation.route.view === 'stream') return noSuchStream(this.#navigation.route.stream);
    return this.#streams.size === 0 ? this.#firstRun() : this.#grid.element;
  }

  #firstRun(): HTMLElement {
    const actions = this.#session.operates ? { onAdd: () => { this.#manager.add(); }, onDemo: () => { void this.#manager.addDemo(); } } : null;
    return messageView(firstRun(actions));
  }

  #openStreamView(model: StreamModel): StreamView {
    if (this.#streamView !== null) return this.#streamView;
    const { id } = model.status;
    this.#streamView = new StreamView(
      model,
      {
        onBack: () => { this.#navigation.back(); },
        onNeighbour: (by) => { this.#navigation.openNeighbour(by); },
        onChange: () => { void this.#manager.change(id, model.status.name); },
        onRemove: () => { void this.#manager.remove(id, model.status.name); },
        onControl: (command) => this.#connection.control(model.status.id, command),
      },
      () => { this.#ask(); },
    );
    return this.#streamView;
  }

  #closeStreamView(): void {
    this.#streamView?.close();
    this.#streamView = null;
  }

  /** Asks the server for exactly the pictures that somebody can see, as wide as they are seen and as fast as this page keeps up with. */
  #ask(): void {
    const nowMs = performance.now();
    const seen = new Map([...this.#streams].map(([stream, model]) => [stream, document.hidden ? null : this.#seenWidthPx(stream, model)]));
    const pictures = [...seen.values()].filter((widthPx) => widthPx !== null).length;
    const maxFps = this.#budget.maxFps(pictures, this.#streamView === null ? TILE_FPS : LARGE_FPS);
    // Tiles are drawn by the server, once for everybody; the large view as its viewer wants it.
    const render = this.#streamView?.drawing ?? 'server';
    for (const [stream, model] of this.#streams) {
      const widthPx = seen.get(stream) ?? null;
      model.setAsked(widthPx !== null, nowMs);
      this.#connection.want(stream, widthPx === null ? null : { maxWidthPx: askedWidthPx(widthPx, devicePixelRatio), maxFps, render });
    }
  }

  #seenWidthPx(stream: string, model: StreamModel): number | null {
    if (this.#streamView !== null) return this.#streamView.model === model ? this.#streamView.widthPx : null;
    return this.#grid.element.isConnected ? this.#grid.visibleWidthPx(stream) : null;
  }

  #momentOf(model: StreamModel, nowMs: number): StreamMoment {
    return model.moment(this.#connection.clock, this.#state.kind === 'open', nowMs);
  }

  #refreshStream(model: StreamModel, nowMs: number): StreamMoment {
    const moment = this.#momentOf(model, nowMs);
    if (this.#streamView?.model === model) this.#streamView.update(moment, (localMs) => this.#connection.clock.toServerMs(localMs), { operates: this.#session.operates, connected: this.#state.kind === 'open' });
    else this.#grid.update(model.status.id, moment);
    return moment;
  }

  #refresh(): void {
    const nowMs = performance.now();
    if (this.#budget.observe(this.#tally, nowMs)) this.#ask();
    const moments = [...this.#streams.values()].map((model) => this.#refreshStream(model, nowMs));
    this.#header.update({
      streams: this.#greeted ? streamsSummary(moments.map(({ status, live }) => ({ mode: status.mode, live }))) : '',
      // What the server last said of its detector is not known to hold while there is no connection.
      detector: detectorSummary(
        this.#state.kind === 'open' ? moments.map(({ status }) => status.detector) : [],
        moments.flatMap(({ frame }) => (frame === null || frame.header.model === null ? [] : [frame.header.timingsMs.predict])),
      ),
      connection: this.#session.state.kind === 'needed' ? null : this.#state.kind,
    });
    this.#banner.update(this.#state.kind === 'lost' ? this.#state.retryAtMs - nowMs : null);
  }
}
