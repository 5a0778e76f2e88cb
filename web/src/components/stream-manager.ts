import { ApiError, type ApiClient } from '../api/api-client.js';
import { streamHash } from '../model/route.js';
import { sentence } from '../model/text.js';
import { askToRemove } from './remove-dialog.js';
import { StreamDialog } from './stream-dialog.js';

const DEMO_SOURCE = 'demo:street';

/** Adds, changes and removes streams, for operators. */
export class StreamManager {
  readonly #api: ApiClient;
  readonly #onProblem: (sentence: string) => void;

  /** @param onProblem told what went wrong where no dialog is open to show it */
  constructor(api: ApiClient, onProblem: (sentence: string) => void) {
    this.#api = api;
    this.#onProblem = onProblem;
  }

  add(): void {
    new StreamDialog({
      stream: null,
      test: (definition, signal) => this.#api.testSource(definition, signal),
      save: async (definition, persist) => {
        await this.#api.addStream(definition, persist);
      },
    });
  }

  /** Adds the simulated camera and opens it. */
  async addDemo(): Promise<void> {
    await this.#told(async () => {
      const { id } = await this.#api.addStream({ id: 'demo', name: 'Demo street', source: DEMO_SOURCE }, false);
      location.hash = streamHash(id);
    });
  }

  async change(id: string, name: string): Promise<void> {
    await this.#told(async () => {
      const { definition, persisted } = await this.#api.definition(id);
      new StreamDialog({
        stream: { id, name, definition, persisted },
        test: (changes, signal) => this.#api.testSource(changes, signal),
        save: async (changes, persist) => {
          await this.#api.changeStream(id, changes, persist);
        },
      });
    });
  }

  async remove(id: string, name: string): Promise<void> {
    await this.#told(async () => {
      const { persisted } = await this.#api.definition(id);
      askToRemove({ name, persisted }, (persist) => this.#api.removeStream(id, persist));
    });
  }

  async #told(act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#onProblem(sentence(error.message));
    }
  }
}
