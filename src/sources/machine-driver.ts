export type MachineOptions<State, Event, Effect> = {
  readonly initial: State;
  /** Decides; without side effects. The same state means that nothing has changed. */
  readonly step: (state: State, event: Event) => { readonly state: State; readonly effects: readonly Effect[] };
  /** Carries out what was decided; may send further events. */
  readonly perform: (effect: Effect) => void;
  /** Called after each event that changed the state, its effects done. */
  readonly onChange: (state: State) => void;
};

/** Feeds a state machine with events one after the other, those too that its own effects and listeners cause. */
export class MachineDriver<State, Event, Effect> {
  readonly #options: MachineOptions<State, Event, Effect>;
  readonly #queue: Event[] = [];
  #state: State;
  #busy = false;

  constructor(options: MachineOptions<State, Event, Effect>) {
    this.#options = options;
    this.#state = options.initial;
  }

  get state(): State {
    return this.#state;
  }

  send(event: Event): void {
    const { step, perform, onChange } = this.#options;
    this.#queue.push(event);
    if (this.#busy) return;
    this.#busy = true;
    try {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
        const before = this.#state;
        const { state, effects } = step(before, next);
        this.#state = state;
        for (const effect of effects) perform(effect);
        if (state !== before) onChange(state);
      }
    } finally {
      this.#busy = false;
    }
  }
}
