/** Formats an age for people: `84 ms`, `2.4 s`, `12 s`, `3 min`, `2 h`, `4 d`; `–` when unknown. Never negative. */
export function formatAge(ageMs: number | null): string {
  if (ageMs === null || !Number.isFinite(ageMs)) return '–';
  const ms = Math.max(0, ageMs);
  if (ms < 999.5) return `${String(Math.round(ms))} ms`;
  if (ms < 9950) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 59_500) return `${String(Math.round(ms / 1000))} s`;
  if (ms < 3_600_000) return `${String(Math.max(1, Math.floor(ms / 60_000)))} min`;
  if (ms < 86_400_000) return `${String(Math.floor(ms / 3_600_000))} h`;
  return `${String(Math.floor(ms / 86_400_000))} d`;
}

/** Formats a place in a recording: `0:42`, `2:19`, `1:02:19`; `–` when unknown. */
export function formatPosition(positionMs: number | null): string {
  if (positionMs === null || !Number.isFinite(positionMs)) return '–';
  const seconds = Math.max(0, Math.floor(positionMs / 1000));
  const two = (value: number): string => String(value).padStart(2, '0');
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  return hours > 0 ? `${String(hours)}:${two(minutes)}:${two(seconds % 60)}` : `${String(minutes)}:${two(seconds % 60)}`;
}

/** Formats a time in a recording to the millisecond: `0:42.360`, `1:02:19.000`; `–` when unknown. */
export function formatTime(timeMs: number | null): string {
  if (timeMs === null || !Number.isFinite(timeMs)) return '–';
  const ms = Math.max(0, Math.round(timeMs));
  return `${formatPosition(ms)}.${String(ms % 1000).padStart(3, '0')}`;
}

/** Formats a frame rate: `25`, `4.9`, `0.5`; `–` when unknown. */
export function formatFps(fps: number | null): string {
  if (fps === null || !Number.isFinite(fps)) return '–';
  return fps < 9.95 ? fps.toFixed(1) : String(Math.round(fps));
}

const WHOLE = new Intl.NumberFormat('en-GB');

/** Formats a count: `12,408`. */
export function formatCount(count: number): string {
  return WHOLE.format(count);
}

/** `1 stream`, `4 streams`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** Ends a text with a full stop, unless it ends a sentence already. */
export function sentence(text: string): string {
  return /[.!?…]$/.test(text) ? text : `${text}.`;
}
