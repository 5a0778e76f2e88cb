/** An exact fraction: a time base in seconds a tick, or a rate in frames a second. `den` > 0. */
export type Rational = { readonly num: number; readonly den: number };

/** Reads `30000/1001`, `4:3` or `25`.
 * @returns `null` for anything else, for a denominator of 0 and for values that are not positive */
export function parseRational(text: string | undefined): Rational | null {
  const match = /^(\d+)(?:[/:](\d+))?$/u.exec(text ?? '');
  if (match === null) return null;
  const num = Number(match[1]);
  const den = Number(match[2] ?? '1');
  return num > 0 && den > 0 && Number.isSafeInteger(num) && Number.isSafeInteger(den) ? { num, den } : null;
}

/** `num / den` as a number. */
export function rationalValue(value: Rational): number {
  return value.num / value.den;
}

/** Turns ticks of a time base into ms. Multiplies before it divides, so that 1001/30000 s stays as exact as a double can be. */
export function ticksToMs(ticks: number, timeBase: Rational): number {
  return (ticks * timeBase.num * 1000) / timeBase.den;
}

/** Turns ms into the nearest whole ticks of a time base. */
export function msToTicks(ms: number, timeBase: Rational): number {
  return Math.round((ms * timeBase.den) / (1000 * timeBase.num));
}
