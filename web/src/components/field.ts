import { el, setText } from '../dom.js';

/** One labelled control of a form, with room for what is wrong with it. */
export interface Field {
  readonly element: HTMLElement;
  readonly name: string;
  /** As typed or chosen; of a box to tick `'true'` or `''`. */
  value: string;
  /** Says what is wrong; empty: nothing. */
  setError(message: string): void;
  focus(): void;
}

export type FieldOptions = {
  /** Key of the definition, and of the problems that the server tells. */
  readonly name: string;
  readonly label: string;
  readonly help?: string;
  readonly attributes?: Readonly<Record<string, string>>;
};

/** A field for a line of text, or by its attributes a number. */
export function textField(options: FieldOptions): Field {
  const input = el('input', { attributes: { type: 'text', spellcheck: 'false', autocomplete: 'off', ...options.attributes, ...wiring(options) } });
  return labelled(options, input, { get: () => input.value.trim(), set: (value) => { input.value = value; } });
}

/** A field with fixed choices; `''` is the choice that leaves it to the server.
 * @param choices values with what people read */
export function choiceField(options: FieldOptions, choices: readonly (readonly [value: string, text: string])[]): Field {
  const select = el('select', { attributes: { ...options.attributes, ...wiring(options) } }, ...choices.map(([value, text]) => el('option', { text, attributes: { value } })));
  const set = (value: string): void => {
    // A file may hold a choice that this page does not offer.
    if (![...select.options].some((option) => option.value === value)) select.append(el('option', { text: value, attributes: { value } }));
    select.value = value;
  };
  return labelled(options, select, { get: () => select.value, set });
}

/** A box to tick. */
export function tickField(options: FieldOptions): Field {
  const box = el('input', { attributes: { type: 'checkbox', ...options.attributes, ...wiring(options) } });
  const help = options.help === undefined ? [] : [el('span', { class: 'field-help', text: options.help })];
  const error = errorOf(options);
  return {
    element: el('div', { class: 'field tick' }, el('label', {}, box, el('span', {}, document.createTextNode(options.label), ...help)), error),
    name: options.name,
    get value() {
      return box.checked ? 'true' : '';
    },
    set value(value) {
      box.checked = value === 'true';
    },
    setError: (message) => { setText(error, message); },
    focus: () => { box.focus(); },
  };
}

function labelled(options: FieldOptions, control: HTMLInputElement | HTMLSelectElement, value: { readonly get: () => string; readonly set: (value: string) => void }): Field {
  const error = errorOf(options);
  const help = options.help === undefined ? [] : [el('p', { class: 'field-help', text: options.help, attributes: { id: `field-${options.name}-help` } })];
  return {
    element: el('div', { class: 'field' }, el('label', { text: options.label, attributes: { for: `field-${options.name}` } }), control, ...help, error),
    name: options.name,
    get value() {
      return value.get();
    },
    set value(text) {
      value.set(text);
    },
    setError: (message) => {
      setText(error, message);
      if (message === '') control.removeAttribute('aria-invalid');
      else control.setAttribute('aria-invalid', 'true');
    },
    focus: () => { control.focus(); },
  };
}

function errorOf({ name }: FieldOptions): HTMLElement {
  return el('p', { class: 'field-error', attributes: { id: `field-${name}-error` } });
}

function wiring({ name, help }: FieldOptions): Record<string, string> {
  return { id: `field-${name}`, name, 'aria-describedby': `${help === undefined ? '' : `field-${name}-help `}field-${name}-error` };
}
