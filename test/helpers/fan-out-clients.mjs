// Many viewers in one process, some of which do not read. The script comes as an argument, orders come from the parent.
import { performance } from 'node:perf_hooks';
import { clearInterval, setInterval } from 'node:timers';
import { WebSocket } from 'ws';

/** @typedef {import('./fan-out.js').ClientsScript} Script */

const STREAM = 'door';
/** Connections that are being opened at a time. */
const OPENING = 50;

const given = /** @type {unknown} */ (JSON.parse(process.argv[2] ?? '{}'));
const script = /** @type {Script} */ (given);
/** Ages of frames of those who read, ms. @type {number[]} */
let ages = [];
let received = 0;
let bytes = 0;
let lost = 0;
/** @type {Map<WebSocket, { stalled: boolean }>} */
const viewers = new Map();

/**
 * Opens one and resolves when it is subscribed.
 * @param {boolean} stalled */
async function open(stalled) {
  const socket = new WebSocket(script.url, 'sightline.v1', { perMessageDeflate: false });
  viewers.set(socket, { stalled });
  socket.on('error', () => undefined);
  socket.on('close', () => {
    if (viewers.delete(socket)) lost += 1;
  });
  socket.on('message', (/** @type {Buffer} */ data, isBinary) => {
    if (!isBinary || stalled) return;
    const parsed = /** @type {unknown} */ (JSON.parse(data.toString('utf8', 4, 4 + data.readUInt32LE(0))));
    const header = /** @type {{ seq: number, capturedAtMs: number }} */ (parsed);
    received += 1;
    bytes += data.length;
    ages.push(performance.timeOrigin + performance.now() - header.capturedAtMs);
    if (script.acknowledges) socket.send(JSON.stringify({ type: 'ack', stream: STREAM, seq: header.seq }));
  });
  await new Promise((resolve) => { socket.once('open', resolve).once('close', resolve); });
  if (socket.readyState !== WebSocket.OPEN) return;
  socket.send(JSON.stringify({ type: 'subscribe', stream: STREAM }));
  if (stalled) socket.pause();
}

/** Every so often one viewer leaves, without a goodbye every other time, and one of its kind comes. */
function churn() {
  const all = [...viewers];
  const chosen = all[Math.floor(Math.random() * all.length)];
  if (chosen === undefined) return;
  const [socket, facts] = chosen;
  viewers.delete(socket);
  if (facts.stalled || Math.random() < 0.5) socket.terminate();
  else socket.close();
  void open(facts.stalled);
}

const stalls = Array.from({ length: script.viewers }, (_, index) => index >= script.viewers - script.stalled);
for (let start = 0; start < stalls.length; start += OPENING) await Promise.all(stalls.slice(start, start + OPENING).map(open));
/** @type {NodeJS.Timeout | undefined} */
let churner;

process.on('message', (/** @type {import('./fan-out.js').ClientsOrder} */ order) => {
  if (order.churnPerSecond !== undefined) {
    clearInterval(churner);
    if (order.churnPerSecond > 0) churner = setInterval(churn, 1000 / order.churnPerSecond);
  }
  if (order.closes === true) {
    for (const socket of viewers.keys()) socket.terminate();
    viewers.clear();
  }
  const sorted = ages.sort((a, b) => a - b);
  /** @param {number} share */
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  /** @type {import('./fan-out.js').ClientsFacts} */
  const facts = { received, bytes, lost, open: viewers.size, ageP50Ms: at(0.5), ageP99Ms: at(0.99) };
  ages = [];
  received = 0;
  bytes = 0;
  process.send?.(facts);
});
process.on('disconnect', () => { process.exit(0); });
process.send?.({});
