/** ffmpeg's words → ours. First match wins. */
const REASONS: readonly (readonly [RegExp, string])[] = [
  [/401 unauthorized|authorization failed/iu, 'user or password refused (401)'],
  [/403 forbidden/iu, 'access refused (403)'],
  [/404 not found|404 stream not found/iu, 'not found on the server (404)'],
  [/connection refused/iu, 'connection refused: is the address right and the camera on?'],
  [/no route to host|network is unreachable|host is unreachable/iu, 'host not reachable'],
  [/name or service not known|failed to resolve|temporary failure in name resolution|nodename nor servname/iu, 'host name not known'],
  [/connection timed out|operation timed out|timed out/iu, 'no answer in time'],
  [/moov atom not found/iu, 'not a complete video file (no index found)'],
  [/permission denied/iu, 'no permission to read it'],
  [/format not on whitelist|protocol '.*' not on whitelist/iu, 'not a video file of a supported kind'],
  [/invalid data found when processing input/iu, 'not a video that can be read'],
];

/** Says in a few plain words why ffmpeg failed, or `null` when it said nothing that is known; then its own last line must do.
 * @param stderrTail redacted */
export function plainReason(stderrTail: string): string | null {
  for (const [pattern, reason] of REASONS) if (pattern.test(stderrTail)) return reason;
  const lastLine = stderrTail.split('\n').findLast((line) => line.trim() !== '');
  return lastLine === undefined ? null : lastLine.replace(/^(?:\[[^\]]*\]\s*)+/u, '');
}

/** Whether the server refused the login: asking again at once may lock the account. */
export function isUnauthorized(stderrTail: string): boolean {
  return /\b401 unauthorized|\b403 forbidden|authorization failed/iu.test(stderrTail);
}

/** Lines that tell of no damage: options that are going out of use, times that jump back (the outputs are raw pictures, which need none), and hardware that `-hwaccel auto`
 * looks for in vain. */
const HARMLESS = /deprecated|^\[rawvideo @|non monoton|^\[AVHWDeviceContext @|Device (?:creation|setup) failed|hwaccel/iu;

/** Whether a line tells of damaged or missing video data, as ffmpeg does while it goes on and ends with 0. */
export function isDamageReport(line: string): boolean {
  return /\[(?:error|fatal|panic)\]/u.test(line) && !HARMLESS.test(line);
}
