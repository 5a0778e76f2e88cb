import { parseRoute, streamHash, type Route } from './model/route.js';

/** Where in the page its user is: all streams, or one of them. The address says it, so that the browser's own buttons lead back. */
export class Navigation {
  readonly #streams: () => readonly string[];
  readonly #onMove: (before: Route, now: Route) => void;
  #route: Route = parseRoute(location.hash);
  /** Whether the large view was opened from the grid, so that Back leads there. */
  #cameFromGrid = false;

  /** @param streams ids in the order of the grid; @param onMove called when the address has changed */
  constructor(streams: () => readonly string[], onMove: (before: Route, now: Route) => void) {
    this.#streams = streams;
    this.#onMove = onMove;
    window.addEventListener('hashchange', () => { this.#move(parseRoute(location.hash)); });
  }

  get route(): Route {
    return this.#route;
  }

  /** Opens a stream's large view. */
  open(stream: string | undefined): void {
    if (stream === undefined) return;
    // From one large view to another, Back still leads to the grid.
    if (this.#route.view === 'stream') location.replace(streamHash(stream));
    else location.hash = streamHash(stream);
  }

  /** @param index in the grid, from 0 */
  openByIndex(index: number): void {
    this.open(this.#streams()[index]);
  }

  openNeighbour(by: -1 | 1): void {
    if (this.#route.view !== 'stream') return;
    const ids = this.#streams();
    this.open(ids[(ids.indexOf(this.#route.stream) + by + ids.length) % ids.length]);
  }

  /** To the grid. */
  back(): void {
    if (this.#route.view !== 'stream') return;
    if (this.#cameFromGrid) history.back();
    else location.replace('#/');
    this.#cameFromGrid = false;
  }

  #move(route: Route): void {
    const before = this.#route;
    this.#route = route;
    if (before.view === 'grid' && route.view === 'stream') this.#cameFromGrid = true;
    this.#onMove(before, route);
  }
}
