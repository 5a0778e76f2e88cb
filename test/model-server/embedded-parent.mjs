// A service that is about to be killed: starts an embedded server and tells its process id.
import { startEmbeddedServer } from '../../dist/model-server/embedded-server.js';

const [entry, modelName] = process.argv.slice(2);
const log = Object.assign(Object.fromEntries(['debug', 'info', 'warn', 'error'].map((level) => [level, () => undefined])), { level: 'info' });
const server = startEmbeddedServer({ modelBasePath: null, modelName, engine: 'wasm', log, entry });
await server.ready;
process.stdout.write(`${server.pid}\n`);
