import type { StreamStatus } from '../../../src/core/stream-status.js';

/** Who the page acts for. */
export type Session = {
  /** Whether the service asks for tokens at all. */
  readonly required: boolean;
  readonly name: string;
  readonly role: 'viewer' | 'operator';
};

/** A stream definition as a form gives it; `null` of a change: back to the default. */
export type Definition = Readonly<Record<string, unknown>>;

/** What opening a source once has shown. */
export type SourceTest =
  | { readonly ok: true; readonly mode: string; readonly widthPx: number | null; readonly heightPx: number | null; readonly declaredFps: number | null; readonly durationMs: number | null; readonly codec: string | null }
  | { readonly ok: false; readonly code: string; readonly message: string };

export type FieldProblem = { readonly path: string; readonly message: string };

/** The server refused, or could not be reached (`status` 0). */
export class ApiError extends Error {
  override readonly name = 'ApiError';

  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    /** What is wrong with single members of what was sent. */
    readonly problems: readonly FieldProblem[] = [],
  ) {
    super(message);
  }
}

const NO_ANSWER = 'The server does not answer';

/** The service's HTTP API as the page uses it; the cookie of the session goes along by itself. Every call throws {@link ApiError} when refused or not answered. */
export class ApiClient {
  /** With a slash at its end. */
  readonly #base: string;

  /** @param base address of the page */
  constructor(base: string) {
    this.#base = new URL('.', base).href;
  }

  session(): Promise<Session> {
    return this.#ask('GET', 'api/session') as Promise<Session>;
  }

  /** Trades a token for a cookie that scripts cannot read. */
  signIn(token: string): Promise<Session> {
    return this.#ask('POST', 'api/session', { token }) as Promise<Session>;
  }

  async signOut(): Promise<void> {
    await this.#ask('DELETE', 'api/session');
  }

  /** Secrets of its source are blotted out. */
  definition(stream: string): Promise<{ readonly definition: Definition; readonly persisted: boolean }> {
    return this.#ask('GET', `api/streams/${encodeURIComponent(stream)}/definition`) as Promise<{ definition: Definition; persisted: boolean }>;
  }

  /** @param persist whether to write it to the streams folder too */
  addStream(definition: Definition, persist: boolean): Promise<StreamStatus> {
    return this.#ask('POST', `api/streams${query(persist)}`, definition) as Promise<StreamStatus>;
  }

  /** @param changes members that are to be others; the rest stays */
  changeStream(stream: string, changes: Definition, persist: boolean): Promise<StreamStatus> {
    return this.#ask('PATCH', `api/streams/${encodeURIComponent(stream)}${query(persist)}`, changes) as Promise<StreamStatus>;
  }

  async removeStream(stream: string, persist: boolean): Promise<void> {
    await this.#ask('DELETE', `api/streams/${encodeURIComponent(stream)}${query(persist)}`);
  }

  /** Opens a source once, as a stream would. @param signal ends it when nobody waits for the answer any more */
  testSource(definition: Definition, signal: AbortSignal): Promise<SourceTest> {
    return this.#ask('POST', 'api/sources/test', definition, signal) as Promise<SourceTest>;
  }

  async #ask(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<unknown> {
    let response: Response;
    let text: string;
    try {
      response = await fetch(this.#base + path, {
        method,
        ...(body === undefined ? {} : { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }),
        ...(signal === undefined ? {} : { signal }),
      });
      text = await response.text();
    } catch (error) {
      if (error instanceof DOMException && error.name === 'AbortError') throw error;
      throw new ApiError(0, 'no-answer', NO_ANSWER);
    }
    const json = parse(text);
    if (response.ok) return json;
    throw toError(response.status, json);
  }
}

function query(persist: boolean): string {
  return persist ? '?persist=true' : '';
}

function parse(text: string): unknown {
  try {
    return text === '' ? null : (JSON.parse(text) as unknown);
  } catch (error) {
    if (error instanceof SyntaxError) return null; // something between us and the server answered
    throw error;
  }
}

function toError(status: number, json: unknown): ApiError {
  const { error } = (json ?? {}) as { error?: { code?: string; message?: string; problems?: FieldProblem[] } };
  return new ApiError(status, error?.code ?? 'unknown', error?.message ?? `The server answered ${String(status)}`, error?.problems ?? []);
}
