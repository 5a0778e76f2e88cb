/** Environment that makes a Node program do something of ours when it gets SIGUSR2: what a bug would do, in the program as users run it.
 * @param code JavaScript; runs at every signal, `signals` is how many have come */
export function onUserSignal(code: string): { readonly NODE_OPTIONS: string } {
  const script = `let signals = 0; process.on('SIGUSR2', () => { signals += 1; ${code} });`;
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(script)}` };
}
