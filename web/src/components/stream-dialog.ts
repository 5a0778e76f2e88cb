import { ApiError, type Definition, type SourceTest } from '../api/api-client.js';
import { button, el, setData, setText } from '../dom.js';
import { changesOf, definitionOf, SOURCE_KEYS, testText, valuesOf } from '../model/stream-form.js';
import { tickField, type Field } from './field.js';
import { modal } from './modal.js';
import { StreamForm } from './stream-form.js';

/** What the dialog works on, and what it asks of whoever opened it. */
export type StreamDialogOptions = {
  /** The stream to change; `null`: a new one. */
  readonly stream: { readonly id: string; readonly name: string; readonly definition: Definition; readonly persisted: boolean } | null;
  /** Opens the source once. Rejects with an {@link ApiError}, or an `AbortError`. */
  readonly test: (definition: Definition, signal: AbortSignal) => Promise<SourceTest>;
  /** Adds or changes; resolves when that is done. Rejects with an {@link ApiError}. */
  readonly save: (definition: Definition, persist: boolean) => Promise<void>;
};

/** Adds or changes a stream. A source that is new is opened once before it is saved; one that does not open can be saved all the same: the camera may be switched off. */
export class StreamDialog {
  readonly #options: StreamDialogOptions;
  readonly #dialog: HTMLDialogElement;
  readonly #form: StreamForm;
  readonly #persist: Field;
  readonly #result = el('p', { class: 'result', attributes: { role: 'status' } });
  readonly #test = button({ class: 'text-button outlined', text: 'Test the source' }, () => { void this.#run(() => this.#testSource()); });
  readonly #save = el('button', { class: 'solid-button', attributes: { type: 'submit' } });
  readonly #abort = new AbortController();
  /** The values that a test found wanting: asked for again they are saved. */
  #warnedOf: string | null = null;
  #tested: string | null = null;

  constructor(options: StreamDialogOptions) {
    this.#options = options;
    const { stream } = options;
    this.#form = new StreamForm(stream === null);
    this.#persist = tickField({ name: 'persist', label: 'Keep it after a restart', help: 'Writes the file of this stream in the streams folder' });
    this.#persist.value = stream?.persisted === true ? 'true' : '';
    if (stream !== null) this.#form.values = valuesOf(stream.definition, this.#form.names);
    this.#tested = stream === null ? null : this.#sourceKey();
    const form = el('form', { attributes: { novalidate: '', id: 'stream-form' } }, this.#form.element, this.#persist.element, this.#result);
    this.#save.setAttribute('form', 'stream-form');
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#run(() => this.#saveStream());
    });
    form.addEventListener('input', () => { this.#say('', null); });
    this.#dialog = modal(stream === null ? 'Add a stream' : `Change “${stream.name}”`, 'stream', [form], [this.#save, this.#test]);
    this.#dialog.addEventListener('close', () => { this.#abort.abort(); });
    this.#say('', null);
    this.#form.focus();
  }

  async #run(act: () => Promise<void>): Promise<void> {
    this.#save.disabled = this.#test.disabled = true;
    try {
      await act();
    } catch (error) {
      if (error instanceof DOMException && error.name === 'AbortError') return;
      if (!(error instanceof ApiError)) throw error;
      const others = this.#form.showProblems(error.problems);
      const told = error.problems.length === 0 ? [error.message] : others.map(({ path, message }) => `${path}: ${message}`);
      this.#say(told.join('\n'), 'bad');
    } finally {
      this.#save.disabled = this.#test.disabled = false;
    }
  }

  /** @returns whether the source opened */
  async #testSource(): Promise<void> {
    this.#form.showProblems([]);
    const key = this.#sourceKey();
    this.#say('Opening the source …', null);
    const { stream } = this.#options;
    const { values } = this.#form;
    // Without what names it: an id that is taken or malformed is told when it is saved.
    const asked = stream === null ? pick(definitionOf(values), SOURCE_KEYS) : { stream: stream.id, ...pick(changesOf(stream.definition, values), SOURCE_KEYS) };
    const test = await this.#options.test(asked, this.#abort.signal);
    if (test.ok) this.#tested = key;
    else this.#warnedOf = key;
    this.#say(testText(test), test.ok ? 'good' : 'bad');
  }

  async #saveStream(): Promise<void> {
    const key = this.#sourceKey();
    if (this.#tested !== key && this.#warnedOf !== key) {
      await this.#testSource();
      if (this.#tested !== key) return;
    }
    const { stream, save } = this.#options;
    const { values } = this.#form;
    this.#form.showProblems([]);
    await save(stream === null ? definitionOf(values) : changesOf(stream.definition, values), this.#persist.value !== '');
    this.#dialog.close();
  }

  #say(text: string, kind: 'good' | 'bad' | null): void {
    setText(this.#result, text);
    setData(this.#result, 'kind', kind);
    // Below the fold of a phone otherwise.
    if (text !== '') this.#result.scrollIntoView({ block: 'nearest' });
    const warned = this.#warnedOf !== null && this.#warnedOf === this.#sourceKey();
    setText(this.#save, warned ? 'Save all the same' : this.#options.stream === null ? 'Add' : 'Save');
  }

  #sourceKey(): string {
    const { values } = this.#form;
    return JSON.stringify(SOURCE_KEYS.map((key) => values[key] ?? ''));
  }
}

function pick(definition: Record<string, unknown>, keys: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(definition).filter(([key]) => keys.includes(key)));
}
