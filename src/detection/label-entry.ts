/** One class of a label file. */
export type LabelEntry = { readonly id: number; readonly label: string; /** From 1. */ readonly line: number };

/** A label file cannot be understood; the loader turns it into a `ConfigError` that names the file. */
export class LabelFileError extends Error {
  /** From 1. */
  readonly line: number;

  constructor(line: number, message: string) {
    super(message);
    this.name = 'LabelFileError';
    this.line = line;
  }
}
