/** A request or a response of RTSP 1.0 (RFC 2326). Text is Latin-1, so that every byte survives. */
export type RtspMessage = {
  /** `DESCRIBE rtsp://camera/ RTSP/1.0` or `RTSP/1.0 200 OK`. */
  readonly startLine: string;
  /** In order, names as written. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
};

/** Reads start line and headers, up to the empty line. Lines that are no header are left out, folded ones are joined. */
export function parseHead(text: string): Omit<RtspMessage, 'body'> {
  const [startLine = '', ...lines] = text.split(/\r?\n/u);
  const headers: [string, string][] = [];
  for (const line of lines) {
    const folded = headers.at(-1);
    const colon = line.indexOf(':');
    if (/^[ \t]/u.test(line) && folded !== undefined) folded[1] = `${folded[1]} ${line.trim()}`;
    else if (colon > 0) headers.push([line.slice(0, colon).trim(), line.slice(colon + 1).trim()]);
  }
  return { startLine: startLine.trim(), headers };
}

/** Writes a message; `Content-Length` is made to fit the body. */
export function serializeMessage({ startLine, headers, body }: RtspMessage): Buffer {
  const kept = headers.filter(([name]) => name.toLowerCase() !== 'content-length');
  const all = body.length === 0 ? kept : [...kept, ['Content-Length', String(body.length)] as const];
  const head = Buffer.from(`${startLine}\r\n${all.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`, 'latin1');
  return body.length === 0 ? head : Buffer.concat([head, body]);
}

/** All values of a header, whatever the case of its name. */
export function valuesOf(message: Pick<RtspMessage, 'headers'>, name: string): readonly string[] {
  return message.headers.filter(([each]) => each.toLowerCase() === name).map(([, value]) => value);
}

/** The headers with some replaced (a text), left out (`null`) or, when they were not there, added. @param changes keyed by lower-case name */
export function withHeaders(headers: RtspMessage['headers'], changes: Readonly<Record<string, string | null>>): RtspMessage['headers'] {
  const seen = new Set<string>();
  const changed = headers.flatMap(([name, value]): (readonly [string, string])[] => {
    const change = Object.hasOwn(changes, name.toLowerCase()) ? changes[name.toLowerCase()] : undefined;
    if (change === undefined) return [[name, value]];
    if (change === null || seen.has(name.toLowerCase())) return [];
    seen.add(name.toLowerCase());
    return [[name, change]];
  });
  const added = Object.entries(changes).flatMap(([name, value]): (readonly [string, string])[] => (value === null || seen.has(name) ? [] : [[properName(name), value]]));
  return [...changed, ...added];
}

/** Status of a response, `null` for a request. */
export function statusOf({ startLine }: Pick<RtspMessage, 'startLine'>): number | null {
  const status = /^RTSP\/\d\.\d +(\d{3})\b/iu.exec(startLine)?.[1];
  return status === undefined ? null : Number(status);
}

/** Method and URI of a request, `null` for a response. */
export function requestOf({ startLine }: Pick<RtspMessage, 'startLine'>): { readonly method: string; readonly uri: string } | null {
  const [, method, uri] = /^([A-Z_]+) +(\S+) +RTSP\/\d\.\d$/u.exec(startLine) ?? [];
  return method === undefined || uri === undefined ? null : { method, uri };
}

/** `cseq` → `CSeq`; servers are known that compare names as they are usually written. */
function properName(name: string): string {
  return name === 'cseq' ? 'CSeq' : name.replace(/(?:^|-)[a-z]/gu, (letter) => letter.toUpperCase());
}
