import { MissingProgramError } from '../core/errors.js';
import { programMissing } from './owned-process.js';
import { runProgram } from './run-program.js';

/** The ffmpeg programs of this machine. */
export type FfmpegTools = {
  readonly ffmpegPath: string;
  readonly ffprobePath: string;
  /** Builds from git have no release number: they count as the newest, 99.0. */
  readonly version: { readonly major: number; readonly minor: number };
  /** Whether `setpriv --pdeathsig` is there (Linux with util-linux), which ends ffmpeg with us even after SIGKILL. */
  readonly setpriv: boolean;
};

/** Oldest ffmpeg that has all the options used here (`-autorotate`, `-readrate`, metadata printed to a pipe). */
const OLDEST_MAJOR = 4;
const ANSWER_TIMEOUT_MS = 10_000;

export type FindFfmpegOptions = { readonly ffmpegPath?: string; readonly ffprobePath?: string };

/** Finds ffmpeg and ffprobe (by PATH unless named) and asks for their version.
 * @throws {MissingProgramError} when one is missing, does not run or is too old; the message says what to do */
export async function findFfmpeg(options: FindFfmpegOptions = {}): Promise<FfmpegTools> {
  const ffmpegPath = options.ffmpegPath ?? 'ffmpeg';
  const ffprobePath = options.ffprobePath ?? 'ffprobe';
  const [ffmpegVersion, , setpriv] = await Promise.all([askVersion(ffmpegPath), askVersion(ffprobePath), hasSetpriv()]);
  const version = parseVersion(ffmpegVersion);
  if (version.major < OLDEST_MAJOR) {
    throw new MissingProgramError(`${ffmpegPath} is version ${String(version.major)}.${String(version.minor)}, but ${String(OLDEST_MAJOR)}.0 or newer is needed: update ffmpeg`);
  }
  return { ffmpegPath, ffprobePath, version, setpriv };
}

/** Reads the release number from the first line of `ffmpeg -version`. */
export function parseVersion(text: string): { major: number; minor: number } {
  const match = /^\S+ version n?(\d+)\.(\d+)/u.exec(text);
  return match === null ? { major: 99, minor: 0 } : { major: Number(match[1]), minor: Number(match[2]) };
}

/** Whether `tools` are at least release `major.minor`. */
export function isAtLeast(tools: FfmpegTools, major: number, minor: number): boolean {
  return tools.version.major > major || (tools.version.major === major && tools.version.minor >= minor);
}

async function askVersion(program: string): Promise<string> {
  const result = await runProgram({ program, args: ['-version'], setpriv: false, timeoutMs: ANSWER_TIMEOUT_MS });
  if (result.startError !== null) {
    throw result.startError instanceof MissingProgramError ? result.startError : programMissing(program, result.startError);
  }
  if (result.exitCode !== 0) {
    const lastLine = result.stderrTail.split('\n').at(-1) ?? '';
    throw new MissingProgramError(`${program} is installed but does not run (${lastLine || `exit code ${String(result.exitCode)}`}): reinstall ffmpeg`);
  }
  return result.stdout;
}

async function hasSetpriv(): Promise<boolean> {
  if (process.platform !== 'linux') return false;
  const result = await runProgram({ program: 'setpriv', args: ['--pdeathsig', 'KILL', '--', 'true'], setpriv: false, timeoutMs: ANSWER_TIMEOUT_MS });
  return result.startError === null && result.exitCode === 0;
}
