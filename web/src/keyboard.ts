/** What the keys of the page do. */
export type KeyActions = {
  /** @param index from 0 */
  readonly openByIndex: (index: number) => void;
  readonly back: () => void;
  /** @param by -1 or 1 */
  readonly neighbour: (by: -1 | 1) => void;
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
    const act = actionOf(event.key, actions);
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

function isTaken(event: KeyboardEvent): boolean {
  const target = event.target instanceof Element ? event.target : null;
  if (target?.closest('input, textarea, select, [contenteditable]') != null) return true;
  // The browser itself leaves full screen with Escape.
  if (event.key === 'Escape' && document.fullscreenElement !== null) return true;
  return document.querySelector('dialog[open]') !== null;
}
