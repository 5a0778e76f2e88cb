import type { FrameFindings } from './frame-findings.js';
import { applyFilter, isFiltering, NO_FILTER, readFilter, writeFilter, type ViewFilter } from './view-filter.js';

/** A class that was seen, or is hidden and may come again. */
export type SeenClass = { readonly classId: number; readonly label: string; readonly shown: boolean; /** On the newest frame, shown or not. */ readonly count: number };

/** What comes out of a filter: what is left, and how much is not. */
export type Filtered = { readonly findings: FrameFindings; readonly hiddenCount: number };

/** More than any list can be read with; labels come from outside. */
const MAX_CLASSES = 200;

/** One viewer's filter of one stream, remembered by the browser, with the classes there are to choose from. */
export class StreamFilter {
  readonly #stream: string;
  readonly #onChange: () => void;
  readonly #labels = new Map<number, string>();
  #counts = new Map<number, number>();
  #filter: ViewFilter;

  /** @param onChange called when the filter was changed */
  constructor(stream: string, onChange: () => void) {
    this.#stream = stream;
    this.#onChange = onChange;
    this.#filter = readFilter(stream);
    for (const [classId, label] of this.#filter.hidden) this.#labels.set(classId, label);
  }

  get minScore(): number | null {
    return this.#filter.minScore;
  }

  get isFiltering(): boolean {
    return isFiltering(this.#filter);
  }

  /** In the order in which they were first seen, so that none moves. */
  get classes(): readonly SeenClass[] {
    return [...this.#labels].map(([classId, label]) => ({ classId, label, shown: !this.#filter.hidden.has(classId), count: this.#counts.get(classId) ?? 0 }));
  }

  /** Takes a frame's findings in and keeps what is to be seen of them. */
  take({ detections, classes }: FrameFindings): Filtered {
    const all = [...detections, ...(classes ?? [])];
    this.#counts = new Map();
    for (const { classId, label } of all) {
      if (this.#labels.size < MAX_CLASSES || this.#labels.has(classId)) this.#labels.set(classId, label);
      this.#counts.set(classId, (this.#counts.get(classId) ?? 0) + 1);
    }
    const shown = { detections: applyFilter(detections, this.#filter), ...(classes === undefined ? {} : { classes: applyFilter(classes, this.#filter) }) };
    return { findings: shown, hiddenCount: all.length - shown.detections.length - (shown.classes?.length ?? 0) };
  }

  setMinScore(minScore: number | null): void {
    this.#set({ ...this.#filter, minScore });
  }

  setShown(classId: number, shown: boolean): void {
    const hidden = new Map(this.#filter.hidden);
    if (shown) hidden.delete(classId);
    else hidden.set(classId, this.#labels.get(classId) ?? String(classId));
    this.#set({ ...this.#filter, hidden });
  }

  setAllShown(shown: boolean): void {
    this.#set({ ...this.#filter, hidden: shown ? new Map() : new Map(this.#labels) });
  }

  reset(): void {
    this.#set(NO_FILTER);
  }

  #set(filter: ViewFilter): void {
    this.#filter = filter;
    writeFilter(this.#stream, filter);
    this.#onChange();
  }
}
