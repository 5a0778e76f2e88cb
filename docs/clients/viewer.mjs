// Watches one stream: node viewer.mjs URL STREAM [TOKEN] [--frames N]      needs: npm install ws
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { WebSocket } from 'ws';

const { positionals: [url, stream, token], values } = parseArgs({ allowPositionals: true, options: { frames: { type: 'string', default: 'Infinity' } } });
const headers = token === undefined ? {} : { Authorization: `Bearer ${token}` };
const socket = new WebSocket(new URL('/ws', url.replace(/^http/, 'ws')), 'sightline.v1', { headers });
const send = (message) => socket.send(JSON.stringify(message));
let [framesLeft, serverAheadMs] = [Number(values.frames), 0];

socket.on('message', (data, isBinary) => {
  const message = isBinary ? { type: 'frame' } : JSON.parse(data.toString());
  if (message.type === 'hello') {
    serverAheadMs = message.nowMs - Date.now();
    send({ type: 'subscribe', stream });
    send({ type: 'ack', stream, seq: 0 }); // "I acknowledge": no more than two frames are ever on their way
  } else if (message.type === 'error' || message.type === 'removed') {
    socket.close(1000, message.message ?? 'the stream is gone');
  } else if (isBinary && framesLeft-- > 0) {
    const headerEnd = 4 + data.readUInt32LE(0);
    const { seq, capturedAtMs, detections } = JSON.parse(data.toString('utf8', 4, headerEnd));
    writeFileSync(`${stream}.jpg`, data.subarray(headerEnd));
    console.log(`${seq} ${Math.round(Date.now() + serverAheadMs - capturedAtMs)} ms ${detections.map(({ label }) => label).join(', ')}`);
    if (framesLeft > 0) send({ type: 'ack', stream, seq }); else socket.close(1000, 'enough');
  }
});
socket.on('error', (error) => console.error(error.message));
socket.on('close', (code, reason) => { console.error(`closed: ${code} ${reason}`); process.exitCode = framesLeft > 0 ? 1 : 0; });
