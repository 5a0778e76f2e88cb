import { createHash } from 'node:crypto';
import type { Token } from '../../../src/viewers/tokens.js';

/** A token as it is configured; its text is its name followed by `-token`. Role viewer, everything else as given. */
export function tokenFor(name: string, facts: Partial<Omit<Token, 'name' | 'sha256'>> = {}): Token {
  return { name, sha256: createHash('sha256').update(`${name}-token`).digest('hex'), role: 'viewer', ...facts };
}

/** Headers of who shows a token made by {@link tokenFor}. */
export function bearer(name: string): { readonly Authorization: string } {
  return { Authorization: `Bearer ${name}-token` };
}
