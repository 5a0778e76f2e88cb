/** What the address of an embedded tile says. */
export type EmbedAddress = {
  /** As it stands in the path, not checked. */
  readonly stream: string;
  /** From the fragment `#token=…`, which browsers send to nobody; `null` where there is none. */
  readonly token: string | null;
  /** Of the service, with a slash at its end. */
  readonly serviceUrl: string;
};

/** Takes the address of an embedded tile apart: `…/embed/STREAM#token=TOKEN`. */
export function parseEmbedAddress(href: string): EmbedAddress {
  const url = new URL(href);
  const stream = decoded(url.pathname.split('/').at(-1) ?? '');
  const token = decoded(/^#(?:.*&)?token=([^&]+)/.exec(url.hash)?.[1] ?? '');
  const service = new URL('..', url);
  return { stream, token: token === '' ? null : token, serviceUrl: service.origin + service.pathname };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    // A stray percent sign: then it stands for itself.
    if (error instanceof URIError) return text;
    throw error;
  }
}
