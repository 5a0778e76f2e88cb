/** Writes a label map as the Object Detection API does: a `StringIntLabelMap` in protobuf's text format, in the order of the ids. */
export function formatPbtxtLabels(labels: ReadonlyMap<number, string>): string {
  return [...labels]
    .sort(([a], [b]) => a - b)
    .map(([id, label]) => `item {\n  id: ${String(id)}\n  name: "${escaped(label)}"\n}\n`)
    .join('');
}

/** Quotes, backslashes and control characters are escaped, everything else is UTF-8 as it is. */
function escaped(label: string): string {
  return label.replace(/["\\]/gu, '\\$&').replace(/\p{Cc}/gu, (character) => [...Buffer.from(character)].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join(''));
}
