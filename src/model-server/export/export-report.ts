import type { ServableManifest } from '../store/servable-manifest.js';

/** What an export wrote. */
export type ExportReport = {
  /** The version folder, absolute. */
  readonly folder: string;
  readonly name: string;
  /** Decimal digits. */
  readonly version: string;
  readonly manifest: ServableManifest;
  readonly elapsedMs: number;
  /** What is worth knowing about it, one line each. */
  readonly notes: readonly string[];
};
