/** Prints one line of figures beside their target, for the record of a run. */
export function report(fault: string, figures: Readonly<Record<string, string | number>>): void {
  const text = Object.entries(figures).map(([name, value]) => `${name} ${typeof value === 'number' ? String(Math.round(value * 100) / 100) : value}`).join(', ');
  process.stdout.write(`${fault}: ${text}\n`);
}
