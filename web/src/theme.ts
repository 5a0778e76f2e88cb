import { readStored, writeStored } from './stored.js';

const STORAGE_KEY = 'sightline-theme';
type Theme = 'dark' | 'light';

/** Applies the theme chosen last time; without one the system's preference holds. */
export function applyStoredTheme(): void {
  const stored = readStored(STORAGE_KEY);
  if (stored === 'dark' || stored === 'light') document.documentElement.dataset['theme'] = stored;
}

/** Changes between dark and light and remembers the choice. */
export function toggleTheme(): void {
  const current = readTheme();
  const next: Theme = current === 'dark' ? 'light' : 'dark';
  document.documentElement.dataset['theme'] = next;
  writeStored(STORAGE_KEY, next);
}

function readTheme(): Theme {
  const chosen = document.documentElement.dataset['theme'];
  if (chosen === 'dark' || chosen === 'light') return chosen;
  return window.matchMedia('(prefers-color-scheme: light)').matches ? 'light' : 'dark';
}
