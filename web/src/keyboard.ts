/** What the keys do to a recording. */
export type ReplayKeys = {
  readonly toggle: () => void;
  readonly seekBy: (byMs: number) => void;
  readonly step: (frames: -1 | 1) => void;
};

/** What the keys of the page do. */
export type KeyActions = {
  /** @param index from 0 */
  readonly openByIndex: (index: number) => void;
  readonly back: () => void;
  /** @param by -1 or 1 */
  readonly neighbour: (by: -1 | 1) => void;
  /** The recording in the large view; `null`: there is none. */
  readonly replay: () => ReplayKeys | null;
  readonly snapshot: () => void;
  readonly fullScreen: () => void;
  readonly add: () => void;
  readonly theme: () => void;
  readonly help: () => void;
};

/** Listens to the page's keys. Keys with Ctrl, Alt or Meta, keys typed into a field and keys of an open dialog are left alone. */
export function listenToKeys(actions: KeyActions): void {
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented || isTaken(event)) return;
    const act = actionOf(event.key, actions) ?? replayAction(event, actions.replay());
    if (act === null) return;
    event.preventDefault();
    act();
  });
}

function actionOf(key: string, actions: KeyActions): (() => void) | null {
  if (/^[1-9]$/.test(key)) return () => { actions.openByIndex(Number(key) - 1); };
  switch (key) {
    case 'Escape':
      return actions.back;
    case '[':
      return () => { actions.neighbour(-1); };
    case ']':
      return () => { actions.neighbour(1); };
    case 's':
      return actions.snapshot;
    case 'f':
      return actions.fullScreen;
    case 'a':
      return actions.add;
    case 't':
      return actions.theme;
    case '?':
      return actions.help;
    default:
      return null;
  }
}

const SEEK_MS = 5_000;

function replayAction({ key, target }: KeyboardEvent, replay: ReplayKeys | null): (() => void) | null {
  if (replay === null) return null;
  switch (key) {
    case ' ':
      // Presses what is in focus.
      if (target instanceof Element && target.closest('button, a, summary') !== null) return null;
      return () => { replay.toggle(); };
    case 'ArrowLeft':
      return () => { replay.seekBy(-SEEK_MS); };
    case 'ArrowRight':
      return () => { replay.seekBy(SEEK_MS); };
    case ',':
      return () => { replay.step(-1); };
    case '.':
      return () => { replay.step(1); };
    default:
      return null;
  }
}

function isTaken(event: KeyboardEvent): boolean {
  const target = event.target instanceof Element ? event.target : null;
  if (target?.closest('input, textarea, select, [contenteditable]') != null) return true;
  // The browser itself leaves full screen with Escape.
  if (event.key === 'Escape' && document.fullscreenElement !== null) return true;
  return document.querySelector('dialog[open]') !== null;
}
