const STORAGE_KEY = 'sightline-theme';
type Theme = 'dark' | 'light';

/** Applies the theme chosen last time; without one the system's preference holds. */
export function applyStoredTheme(): void {
  const stored = readStored();
  if (stored !== null) document.documentElement.dataset['theme'] = stored;
}

/** Changes between dark and light and remembers the choice. */
export function toggleTheme(): void {
  const current = readTheme();
  const next: Theme = current === 'dark' ? 'light' : 'dark';
  document.documentElement.dataset['theme'] = next;
  try {
    localStorage.setItem(STORAGE_KEY, next);
  } catch (error) {
    // Storage may be forbidden or full; then the choice lasts as long as the page.
    if (!(error instanceof DOMException)) throw error;
  }
}

function readTheme(): Theme {
  const chosen = document.documentElement.dataset['theme'];
  if (chosen === 'dark' || chosen === 'light') return chosen;
  return window.matchMedia('(prefers-color-scheme: light)').matches ? 'light' : 'dark';
}

function readStored(): Theme | null {
  try {
    const stored = localStorage.getItem(STORAGE_KEY);
    return stored === 'dark' || stored === 'light' ? stored : null;
  } catch (error) {
    if (error instanceof DOMException) return null;
    throw error;
  }
}
