/** Reads what this browser remembers under a name; `null` when there is nothing, or the browser keeps nothing. */
export function readStored(name: string): string | null {
  return guarded(() => localStorage.getItem(name));
}

/** Remembers a text, or with `null` forgets it. Where the browser keeps nothing, what was chosen lasts as long as the page. */
export function writeStored(name: string, text: string | null): void {
  guarded(() => {
    if (text === null) localStorage.removeItem(name);
    else localStorage.setItem(name, text);
    return null;
  });
}

/** Storage may be forbidden or full. */
function guarded(act: () => string | null): string | null {
  try {
    return act();
  } catch (error) {
    if (error instanceof DOMException) return null;
    throw error;
  }
}
