import { LabelFileError, type LabelEntry } from './label-entry.js';

type Token = { readonly kind: 'word' | 'string' | 'sign'; readonly text: string; readonly line: number };
type Item = { id: number | null; name: string | null; displayName: string | null; readonly line: number };

/** Reads a `StringIntLabelMap` in protobuf's text format; fields it does not need (keypoints, frequency, …) are skipped.
 * @throws {LabelFileError} when it is no such text
 */
export function parsePbtxtLabels(text: string): LabelEntry[] {
  const reader = new TokenReader(tokenize(text));
  const entries: LabelEntry[] = [];
  while (!reader.done) {
    const field = reader.take('word', 'expected "item {"');
    if (field.text !== 'item') {
      reader.skipValue();
      continue;
    }
    reader.skipSign(':');
    const item = readItem(reader, reader.open());
    const label = item.displayName ?? item.name;
    if (item.id === null) throw new LabelFileError(item.line, 'this item has no id');
    if (label === null) throw new LabelFileError(item.line, 'this item has neither name nor display_name');
    entries.push({ id: item.id, label, line: item.line });
    reader.skipSeparators();
  }
  return entries;
}

function readItem(reader: TokenReader, opening: Token): Item {
  const item: Item = { id: null, name: null, displayName: null, line: opening.line };
  while (!reader.close(opening)) {
    const field = reader.take('word', 'expected a field such as name, id or display_name, or the end of the item');
    if (field.text === 'id') item.id = reader.integer();
    else if (field.text === 'name') item.name = reader.string();
    else if (field.text === 'display_name') item.displayName = reader.string();
    else reader.skipValue();
    reader.skipSeparators();
  }
  return item;
}

class TokenReader {
  readonly #tokens: readonly Token[];
  #next = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  get done(): boolean {
    return this.#next >= this.#tokens.length;
  }

  take(kind: Token['kind'], otherwise: string): Token {
    const token = this.#tokens[this.#next];
    if (token?.kind !== kind) throw new LabelFileError(token?.line ?? this.#lastLine(), otherwise);
    this.#next += 1;
    return token;
  }

  skipSign(...signs: readonly string[]): boolean {
    const token = this.#tokens[this.#next];
    const found = token?.kind === 'sign' && signs.includes(token.text);
    if (found) this.#next += 1;
    return found;
  }

  skipSeparators(): void {
    while (this.skipSign(',', ';'));
  }

  open(): Token {
    const token = this.take('sign', 'expected "{"');
    if (token.text !== '{' && token.text !== '<') throw new LabelFileError(token.line, 'expected "{"');
    return token;
  }

  close(opening: Token): boolean {
    if (this.done) throw new LabelFileError(opening.line, 'what begins here with "{" has no end');
    return this.skipSign(opening.text === '<' ? '>' : '}');
  }

  integer(): number {
    this.skipSign(':');
    const token = this.take('word', 'expected a whole number after id');
    if (!/^\d{1,9}$/u.test(token.text)) throw new LabelFileError(token.line, 'expected a whole number after id');
    return Number(token.text);
  }

  /** Neighbouring strings are one, as in C. */
  string(): string {
    this.skipSign(':');
    let text = this.take('string', 'expected a text in quotes').text;
    while (this.#tokens[this.#next]?.kind === 'string') text += this.take('string', '').text;
    return text;
  }

  /** Passes over the value of a field that nobody asked for: a word, strings, a list or a message, however deep. */
  skipValue(): void {
    const field = this.#tokens[this.#next - 1];
    const hasColon = this.skipSign(':');
    const first = this.#tokens[this.#next];
    // Only messages go without a colon; words in a row are some other kind of file.
    if (first === undefined || !(hasColon || first.text === '{' || first.text === '<')) {
      throw new LabelFileError(field?.line ?? 1, `expected a colon and a value after ${field?.text.slice(0, 40) ?? 'the field'}`);
    }
    let depth = 0;
    do {
      const token = this.#tokens[this.#next];
      if (token === undefined) throw new LabelFileError(first.line, 'what begins here has no end');
      this.#next += 1;
      if (token.kind === 'sign' && '{<['.includes(token.text)) depth += 1;
      if (token.kind === 'sign' && '}>]'.includes(token.text)) depth -= 1;
    } while (depth > 0);
    while (first.kind === 'string' && this.#tokens[this.#next]?.kind === 'string') this.#next += 1;
    this.skipSeparators();
  }

  #lastLine(): number {
    return this.#tokens.at(-1)?.line ?? 1;
  }
}

const TOKEN = /(?<blank>[ \t\r\f\v]+|#[^\n]*)|(?<newline>\n)|(?<sign>[{}<>[\]:,;])|(?<string>"(?:[^"\\\n]|\\[^\n])*"|'(?:[^'\\\n]|\\[^\n])*')|(?<word>[\w.+-]+)/uy;

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let line = 1;
  let offset = 0;
  while (offset < text.length) {
    TOKEN.lastIndex = offset;
    const groups = TOKEN.exec(text)?.groups;
    if (groups === undefined) throw new LabelFileError(line, /["']/u.test(text[offset] ?? '') ? 'this text in quotes has no end' : 'is not a label map in protobuf text format');
    offset = TOKEN.lastIndex;
    const { newline, sign, string, word } = groups;
    if (newline !== undefined) line += 1;
    else if (sign !== undefined) tokens.push({ kind: 'sign', text: sign, line });
    else if (string !== undefined) tokens.push({ kind: 'string', text: unescape(string.slice(1, -1)), line });
    else if (word !== undefined) tokens.push({ kind: 'word', text: word, line });
  }
  return tokens;
}

const ESCAPES: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, a: 7, b: 8, f: 12, v: 11 };

/** Escapes name bytes (`\303\251` is é), so the text is put together from bytes. */
function unescape(text: string): string {
  if (!text.includes('\\')) return text;
  const pieces: Buffer[] = [];
  for (const [piece] of text.matchAll(/\\x[0-9a-f]{1,2}|\\[0-7]{1,3}|\\.|[^\\]+/giu)) {
    if (!piece.startsWith('\\')) pieces.push(Buffer.from(piece));
    else if (/^\\x./iu.test(piece)) pieces.push(Buffer.from([Number.parseInt(piece.slice(2), 16)]));
    else if (/^\\[0-7]/u.test(piece)) pieces.push(Buffer.from([Number.parseInt(piece.slice(1), 8) & 255]));
    else pieces.push(Buffer.from([ESCAPES[piece.slice(1)] ?? piece.charCodeAt(1)]));
  }
  return Buffer.concat(pieces).toString('utf8');
}
