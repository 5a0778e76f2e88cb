import type { FieldProblem } from '../api/api-client.js';
import { el } from '../dom.js';
import { idFrom, THRESHOLD_FIELD, type FormValues } from '../model/stream-form.js';
import { choiceField, textField, tickField, type Field } from './field.js';

/** The fields of a stream. */
export class StreamForm {
  readonly element: HTMLElement;
  readonly #fields: readonly Field[];
  readonly #more: HTMLDetailsElement;
  readonly #isNew: boolean;

  /** @param isNew whether it is for a stream that is not there yet: its id can be chosen */
  constructor(isNew: boolean) {
    this.#isNew = isNew;
    const source = textField({ name: 'source', label: 'Source', help: 'rtsp(s)://, http(s)://, a path on the server, or demo:street', attributes: { required: '', placeholder: 'rtsp://user:password@192.168.1.20/stream1', inputmode: 'url' } });
    const name = textField({ name: 'name', label: 'Name', attributes: { placeholder: 'Front door' } });
    const id = textField({ name: 'id', label: 'Id', help: 'In addresses and files; made from the name', attributes: { maxlength: '64' } });
    const often = [
      textField({ name: 'fps', label: 'At most this many frames a second', help: 'Empty: as many as the source has', attributes: { inputmode: 'decimal', placeholder: 'all' } }),
      textField({ name: THRESHOLD_FIELD, label: 'Show detections from this score on', help: '0 to 1', attributes: { inputmode: 'decimal', placeholder: '0.4' } }),
    ];
    const seldom = [
      choiceField({ name: 'mode', label: 'Treat it as' }, [['', 'what the source is'], ['live', 'live: newest frame, older ones dropped'], ['replay', 'a recording: every frame']]),
      choiceField({ name: 'transport', label: 'Transport (cameras)' }, [['', 'TCP'], ['udp', 'UDP']]),
      textField({ name: 'detectSource', label: 'Second, smaller stream of the camera', help: 'Frames are taken from it instead, while it gives any', attributes: { inputmode: 'url' } }),
      textField({ name: 'widthPx', label: 'Picture at most this wide, pixels', attributes: { inputmode: 'numeric', placeholder: 'as the source' } }),
      choiceField({ name: 'hwaccel', label: 'Decode in' }, [['', 'software'], ['auto', 'hardware, whatever there is'], ['cuda', 'hardware: cuda'], ['vaapi', 'hardware: vaapi'], ['qsv', 'hardware: qsv'], ['videotoolbox', 'hardware: videotoolbox']]),
      textField({ name: 'timeoutMs', label: 'Give up a silent source after, ms', attributes: { inputmode: 'numeric', placeholder: '5000' } }),
      tickField({ name: 'loop', label: 'Start a recording again at its end' }),
    ];
    this.#fields = [source, name, ...(isNew ? [id] : []), ...often, ...seldom];
    this.#more = el('details', { class: 'more' }, el('summary', { text: 'More' }), el('div', { class: 'fields' }, ...seldom.map(({ element }) => element)));
    const pair = el('div', { class: 'fields pair' }, ...(isNew ? [name.element, id.element] : [name.element]), ...often.map(({ element }) => element));
    this.element = el('div', { class: 'fields' }, source.element, pair, this.#more);
    if (isNew) this.#suggestId(source, name, id);
  }

  get names(): readonly string[] {
    return this.#fields.map(({ name }) => name);
  }

  get values(): FormValues {
    return Object.fromEntries(this.#fields.map((field) => [field.name, field.value]));
  }

  set values(values: FormValues) {
    for (const field of this.#fields) field.value = values[field.name] ?? '';
  }

  focus(): void {
    this.#fields[0]?.focus();
  }

  /** Puts each problem at its field.
   * @returns those that no field of this form is to blame for */
  showProblems(problems: readonly FieldProblem[]): readonly FieldProblem[] {
    const fieldOf = ({ path }: FieldProblem): Field | undefined => {
      const key = path.split(/[.[]/, 1)[0];
      return this.#fields.find(({ name }) => name === key || (name === THRESHOLD_FIELD && key === 'thresholds'));
    };
    for (const field of this.#fields) field.setError('');
    const blamed = problems.flatMap((problem) => fieldOf(problem) ?? []);
    for (const problem of problems) fieldOf(problem)?.setError(problem.message);
    if (blamed.some(({ element }) => this.#more.contains(element))) this.#more.open = true;
    blamed[0]?.focus();
    return problems.filter((problem) => fieldOf(problem) === undefined);
  }

  /** The id follows name and source until it is typed. */
  #suggestId(source: Field, name: Field, id: Field): void {
    let suggested = '';
    this.element.addEventListener('input', () => {
      if (!this.#isNew || (id.value !== suggested && id.value !== '')) return;
      suggested = idFrom(name.value, source.value);
      id.value = suggested;
    });
  }
}
