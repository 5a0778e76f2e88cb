/** A text that did not stand in a YAML file as it is: typed as a flag, or filled in from the environment. Unlike YAML it has no types,
 * so the schema reads it as what it needs. */
export class ProvidedText {
  readonly text: string;
  /** Whether it came from the environment: then no message may show it. */
  readonly secret: boolean;

  constructor(text: string, secret: boolean) {
    this.text = text;
    this.secret = secret;
  }
}
