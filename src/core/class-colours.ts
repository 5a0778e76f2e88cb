/** Eight colours that stay apart for people with protanopia, deuteranopia or tritanopia (CIE76 distance of any pair at least 16 under
 * each): the seven of Okabe and Ito's colour universal design set (2008) that are not black, and a violet. */
const PALETTE = ['#d55e00', '#e69f00', '#0072b2', '#56b4e9', '#009e73', '#cc79a7', '#f0e442', '#8a5cf6'] as const;

/** Gives a class its colour, the same on every frame, in the server's drawing and in the page.
 * Each block of eight ids is shifted by one, so that ids 8 apart (person 1, boat 9) do not share a colour.
 * @param classId the model's own class id; fractions are cut off, what is no number counts as 0
 * @returns `#rrggbb`, lower case
 */
export function classColour(classId: number): string {
  const id = Number.isFinite(classId) ? Math.trunc(classId) : 0;
  const shifted = id - Math.floor(id / PALETTE.length);
  const index = ((shifted % PALETTE.length) + PALETTE.length) % PALETTE.length;
  return PALETTE[index] ?? PALETTE[0];
}

/** Colour of text that stands on {@link classColour}: black or white, whichever contrasts more (WCAG 2 contrast at least 4.5).
 * @param classId as for {@link classColour}
 */
export function classTextColour(classId: number): '#000000' | '#ffffff' {
  const luminance = relativeLuminance(classColour(classId));
  return (luminance + 0.05) / 0.05 >= 1.05 / (luminance + 0.05) ? '#000000' : '#ffffff';
}

/** Relative luminance of `#rrggbb` as WCAG 2 defines it, in [0, 1]. */
function relativeLuminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((start) => {
    const channel = Number.parseInt(colour.slice(start, start + 2), 16) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
