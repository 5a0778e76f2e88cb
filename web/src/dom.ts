/** What an element starts with; text goes in as text, never as markup. */
export type ElementOptions = {
  readonly class?: string;
  readonly text?: string;
  readonly attributes?: Readonly<Record<string, string>>;
};

/** Makes an element with its children. */
export function el<Tag extends keyof HTMLElementTagNameMap>(tag: Tag, options: ElementOptions = {}, ...children: readonly Node[]): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  if (options.class !== undefined) element.className = options.class;
  if (options.text !== undefined) element.textContent = options.text;
  for (const [name, value] of Object.entries(options.attributes ?? {})) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Makes a button that does one thing. */
export function button(options: ElementOptions, onClick: () => void, ...children: readonly Node[]): HTMLButtonElement {
  const element = el('button', { ...options, attributes: { type: 'button', ...options.attributes } }, ...children);
  element.addEventListener('click', onClick);
  return element;
}

/** Sets an element's text, leaving the document alone when it says so already. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** Sets or, with `null`, removes a data attribute, leaving the document alone when nothing changes. */
export function setData(element: HTMLElement, name: string, value: string | null): void {
  if ((element.dataset[name] ?? null) === value) return;
  if (value === null) Reflect.deleteProperty(element.dataset, name);
  else element.dataset[name] = value;
}

/** The icons of the page, drawn on a 24 × 24 grid with strokes of the text's colour. */
const ICON_PATHS = {
  add: 'M12 5v14M5 12h14',
  back: 'M15 5l-7 7 7 7',
  previous: 'M14 6l-6 6 6 6',
  next: 'M10 6l6 6-6 6',
  camera: 'M4 8h3l2-3h6l2 3h3v11H4zM12 16.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7z',
  expand: 'M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5',
  theme: 'M12 3.5a8.5 8.5 0 1 0 0 17zM12 3.5a8.5 8.5 0 0 1 0 17',
  play: 'M8 5.5v13l10.5-6.5z',
  pause: 'M8 6h2v12h-2zM14 6h2v12h-2z',
  again: 'M4.9 9.5A7.6 7.6 0 1 1 4.4 13M4.5 4.5v5h5',
  stepBack: 'M17.5 6.5v11l-8-5.5zM6.5 6.5v11',
  stepForward: 'M6.5 6.5v11l8-5.5zM17.5 6.5v11',
  back5: 'M12 6l-6 6 6 6M18.5 6l-6 6 6 6',
  forward5: 'M12 6l6 6-6 6M5.5 6l6 6-6 6',
  copy: 'M9 9h11v11H9zM5 15H4V4h11v1',
} as const;
export type IconName = keyof typeof ICON_PATHS;

const SVG = 'http://www.w3.org/2000/svg';

/** Makes an icon; it says nothing to screen readers, its button does. */
export function icon(name: IconName): SVGSVGElement {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  svg.setAttribute('class', 'icon');
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('d', ICON_PATHS[name]);
  svg.append(path);
  return svg;
}
