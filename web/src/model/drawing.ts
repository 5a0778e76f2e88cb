import { readStored, writeStored } from '../stored.js';

/** Who draws the boxes of the large view: this page, sharp at any size and filtered, or the server, into the picture itself. */
export type Drawing = 'client' | 'server';

const NAME = 'sightline-drawing';

/** Reads what was chosen last in this browser; this page, where nothing was. */
export function readDrawing(): Drawing {
  return readStored(NAME) === 'server' ? 'server' : 'client';
}

/** Remembers the choice. */
export function writeDrawing(drawing: Drawing): void {
  writeStored(NAME, drawing === 'client' ? null : drawing);
}
