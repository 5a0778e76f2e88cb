import { Command, InvalidArgumentError, Option } from 'commander';
import { stringify } from 'yaml';
import { createToken, type Token } from '../viewers/tokens.js';

const MAX_NAME_LENGTH = 64;
const STREAM_ID = /^[A-Za-z0-9_-]{1,64}$/;
/** What is shown of the hash in a name that nobody gave. */
const SHOWN_DIGITS = 8;

type TokenFlags = { readonly name?: string; readonly role: Token['role']; readonly streams?: readonly string[]; readonly expires?: string };

/** Where the command writes. */
export type TokenOutput = { readonly stdout: { write(text: string): unknown }; readonly stderr: { write(text: string): unknown } };

/**
 * `sightline token`: makes a token. The token alone goes to standard output, so that scripts can take it; what belongs into the
 * configuration goes to standard error, as YAML that is a whole file by itself. The token is kept nowhere.
 */
export function tokenCommand(output: TokenOutput = process): Command {
  return new Command('token')
    .description('make a token that opens the service: the token goes to standard output, the lines for sightline.yaml to standard error')
    .option('--name <name>', 'what logs call it; each token needs its own (default: token-…)', parseName)
    .addOption(new Option('--role <role>', 'viewer: looks; operator: controls and changes too').choices(['viewer', 'operator']).default('viewer'))
    .option('--streams <ids>', 'streams that it may see, separated by commas (default: all)', parseStreams)
    .option('--expires <date>', 'from when on it is worth nothing: 2027-01-31, or with a time (default: never)', parseDate)
    .action(({ name, role, streams, expires }: TokenFlags) => {
      const { token, sha256 } = createToken();
      const entry: Token = { name: name ?? `token-${sha256.slice(0, SHOWN_DIGITS)}`, sha256, role, ...(streams === undefined ? {} : { streams }), ...(expires === undefined ? {} : { expires }) };
      output.stderr.write(`# For sightline.yaml; only the hash is kept there. The token itself is shown this once.\n${stringify({ server: { tokens: [entry] } }, { lineWidth: 0 })}`);
      output.stdout.write(`${token}\n`);
    });
}

function parseName(name: string): string {
  if (!/\S/u.test(name) || name.length > MAX_NAME_LENGTH || /\p{Cc}/u.test(name)) throw new InvalidArgumentError(`Expected a name of at most ${String(MAX_NAME_LENGTH)} characters in one line.`);
  return name;
}

function parseStreams(list: string): readonly string[] {
  const ids = list.split(',').map((id) => id.trim());
  const wrong = ids.find((id) => !STREAM_ID.test(id));
  if (wrong !== undefined) throw new InvalidArgumentError(`Expected ids of streams, each of 1 to 64 letters, digits, - and _, got ${JSON.stringify(wrong.slice(0, 80))}.`);
  return [...new Set(ids)];
}

function parseDate(date: string): string {
  const timeMs = /^\d{4}-\d\d-\d\d/.test(date) ? Date.parse(date) : Number.NaN;
  if (Number.isNaN(timeMs)) throw new InvalidArgumentError('Expected a date such as 2027-01-31, or with a time such as 2027-01-31T18:00:00Z.');
  if (timeMs <= Date.now()) throw new InvalidArgumentError('This date is past: the token would be worth nothing.');
  return date;
}
