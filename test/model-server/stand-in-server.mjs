// Stands in for the model server's process: does what its model name says, over the same channel and flags.
import { createServer } from 'node:net';
import process from 'node:process';
import { setInterval } from 'node:timers';

/** @param {string} name */
const flag = (name) => process.argv.find((argument) => argument.startsWith(`--${name}=`))?.slice(name.length + 3);
const behaviour = flag('model_name');

if (behaviour === 'bad-model') {
  process.send({ type: 'failed', problems: ['no such folder'] }, () => process.exit(2));
} else if (behaviour === 'crash') {
  process.stderr.write('{"level":50,"msg":"out of');
  process.stderr.write(' memory"}\nplain last words\n', () => process.exit(3));
} else if (behaviour === 'hang') {
  setInterval(() => undefined, 1000);
} else {
  if (behaviour === 'stubborn') process.on('SIGTERM', () => undefined);
  if (behaviour === 'busy') process.on('SIGTERM', () => undefined);
  process.on('disconnect', () => process.exit(0));
  const server = createServer();
  server.listen(flag('port') === 'auto' ? 0 : Number(flag('port')), flag('host'), () => {
    process.send({ type: 'unknown' });
    const address = server.address();
    process.send({ type: 'ready', port: typeof address === 'object' && address !== null ? address.port : 0 });
    // Blocks like a graph that is being computed, only longer.
    if (behaviour === 'busy') for (;;);
  });
}
