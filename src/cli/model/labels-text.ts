const SHOWN = 8;

/** `80 in labels.pbtxt: person, bicycle, …`.
 * @param file where they are from */
export function describeLabels(labels: ReadonlyMap<number, string>, file: string | null): string {
  const names = [...labels.values()];
  return `${String(names.length)}${file === null ? '' : ` in ${file}`}: ${names.slice(0, SHOWN).join(', ')}${names.length > SHOWN ? ', …' : ''}`;
}
