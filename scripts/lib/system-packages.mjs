import { findProgram, mustRun, run, say } from './commands.mjs';
import { Problem } from './problem.mjs';

/**
 * What the system must have: a program in PATH (from wherever), or a Debian package.
 * @typedef {{ readonly debian: string, readonly program?: string }} Need
 */

/** To run: the decoder, and a font for labels and the demo clip. @type {readonly Need[]} */
export const RUN_NEEDS = [
  { program: 'ffmpeg', debian: 'ffmpeg' },
  { program: 'ffprobe', debian: 'ffmpeg' },
  { debian: 'fonts-dejavu-core' },
];

/** What tests need beside it: a browser for the page, an RTSP server to play cameras, and what the client in Python is written with. @type {readonly Need[]} */
export const TEST_NEEDS = [
  { program: 'chromium', debian: 'chromium' },
  { debian: 'python3-websocket' },
  ...['python3-gi', 'gir1.2-gst-rtsp-server-1.0', 'gstreamer1.0-rtsp', 'gstreamer1.0-plugins-base', 'gstreamer1.0-plugins-good', 'gstreamer1.0-plugins-bad', 'gstreamer1.0-plugins-ugly'].map((debian) => ({ debian })),
];

/** To compile canvas where its ready-made binary cannot be had. @type {readonly Need[]} */
export const CANVAS_BUILD_NEEDS = ['build-essential', 'pkg-config', 'python3', 'libcairo2-dev', 'libpango1.0-dev', 'libjpeg-dev', 'libgif-dev', 'librsvg2-dev'].map((debian) => ({ debian }));

const HOMEBREW = 'brew install ffmpeg pkg-config cairo pango libpng jpeg giflib librsvg';

/**
 * Installs what is missing; says nothing and starts at most one program when nothing is.
 * @param {readonly Need[]} needs
 * @throws {Problem} with the exact command to run where it cannot be run from here
 */
export async function ensureSystemPackages(needs) {
  const missing = await missingPackages(needs);
  if (missing.length === 0) return;
  if (findProgram('apt-get') === null) throw new Problem(adviceWithoutApt(missing));
  const command = ['apt-get', 'install', '-y', '--no-install-recommends', ...missing];
  const privilege = await privilegePrefix();
  if (privilege === null) {
    throw new Problem(`system packages are missing and this user may not install them; run: sudo apt-get update && sudo ${command.join(' ')}`);
  }
  say(`installing system packages: ${missing.join(' ')}`);
  // Without a fresh list the mirror may no longer have the versions that an old list names. A failure is left to the
  // install: one repository that is down does not matter when another has the packages.
  await runPrivileged(privilege, ['apt-get', 'update'], false);
  await runPrivileged(privilege, command, true);
}

/**
 * Debian packages that must be installed for `needs` to be met, each once.
 * @param {readonly Need[]} needs
 * @returns {Promise<string[]>}
 */
async function missingPackages(needs) {
  const unmetPrograms = needs.filter(({ program }) => program !== undefined && findProgram(program) === null);
  const packages = needs.filter(({ program }) => program === undefined).map(({ debian }) => debian);
  const installed = packages.length === 0 || findProgram('dpkg-query') === null ? null : await installedPackages(packages);
  const unmetPackages = installed === null ? [] : packages.filter((name) => !installed.has(name));
  return [...new Set([...unmetPrograms.map(({ debian }) => debian), ...unmetPackages])];
}

/**
 * @param {readonly string[]} names
 * @returns {Promise<Set<string>>}
 */
async function installedPackages(names) {
  // Exits with 1 as soon as one name is unknown, and still lists the others.
  const { output } = await run('dpkg-query', ['-W', '-f', '${Package} ${db:Status-Status}\\n', ...names]);
  const lines = output.split('\n').map((line) => line.split(' '));
  return new Set(lines.filter(([, status]) => status === 'installed').map(([name = '']) => name));
}

/**
 * How to run a command as root: `[]` when we are, a `sudo` that works, or `null`.
 * @returns {Promise<string[] | null>}
 */
async function privilegePrefix() {
  const { code, output } = await run('id', ['-u']);
  if (code === 0 && output.trim() === '0') return [];
  if (findProgram('sudo') === null) return null;
  if ((await run('sudo', ['-n', 'true'])).code === 0) return ['sudo', '-n'];
  return process.stdin.isTTY ? ['sudo'] : null;
}

/**
 * @param {readonly string[]} privilege
 * @param {readonly string[]} command
 * @param {boolean} mustSucceed
 */
async function runPrivileged(privilege, command, mustSucceed) {
  const [program = '', ...args] = [...privilege, 'env', 'DEBIAN_FRONTEND=noninteractive', ...command];
  // A password prompt needs the terminal.
  const show = privilege.length === 1;
  if (mustSucceed) await mustRun(program, args, { show, advice: 'is the network reachable, and does this release have these packages?' });
  else await run(program, args, { show });
}

/**
 * @param {readonly string[]} missing Debian names
 * @param {NodeJS.Platform} [platform]
 */
export function adviceWithoutApt(missing, platform = process.platform) {
  if (platform === 'darwin') return `programs are missing; install them with Homebrew: ${HOMEBREW}`;
  return `this system has no apt-get; install what these Debian packages are called here, then run the command again: ${missing.join(' ')}`;
}
