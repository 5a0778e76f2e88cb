import { connect, createServer } from 'node:net';

const HEADER_BYTES = 9;
const DATA = 0;
const END_STREAM = 1;
/** Frames that are written at once: a buffer of a few hundred KB each time. */
const CHUNK_BYTES = 256 * 1024;

/** Stands in front of an HTTP/2 server (without TLS or padding) and cuts the DATA frames of its answers into small ones: node:http2 joins what is written to it.
 * @param {{ port: number, upstreamPort: number, dataFrameBytes: number, onFrame: () => void }} options
 * @returns {Promise<number>} the port that it listens on */
export async function splitDataFrames({ port, upstreamPort, dataFrameBytes, onFrame }) {
  const server = createServer((client) => {
    const upstream = connect(upstreamPort, '127.0.0.1');
    client.pipe(upstream);
    const split = frameSplitter(dataFrameBytes, onFrame);
    upstream.on('data', (bytes) => {
      for (const part of split(bytes)) if (!client.write(part)) upstream.pause();
    });
    client.on('drain', () => upstream.resume());
    upstream.on('close', () => client.destroy());
    client.on('close', () => upstream.destroy());
    upstream.on('error', () => client.destroy());
    client.on('error', () => upstream.destroy());
  });
  await new Promise((resolve) => { server.listen(port, '127.0.0.1', () => { resolve(undefined); }); });
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** Takes the bytes of a connection as they come and gives them with every DATA frame cut up; other frames as they are.
 * @param {number} dataFrameBytes
 * @param {() => void} onFrame
 * @returns {(bytes: Buffer) => Generator<Buffer>} */
function frameSplitter(dataFrameBytes, onFrame) {
  /** @type {Buffer} */
  let rest = Buffer.alloc(0);
  return function* (bytes) {
    rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
    while (rest.length >= HEADER_BYTES) {
      const length = rest.readUIntBE(0, 3);
      if (rest.length < HEADER_BYTES + length) return;
      const frame = rest.subarray(0, HEADER_BYTES + length);
      rest = rest.subarray(HEADER_BYTES + length);
      if (frame[3] === DATA && length > dataFrameBytes) yield* cut(frame, dataFrameBytes, onFrame);
      else yield frame;
    }
  };
}

/**
 * @param {Buffer} frame
 * @param {number} dataFrameBytes
 * @param {() => void} onFrame
 * @returns {Generator<Buffer>} */
function* cut(frame, dataFrameBytes, onFrame) {
  const isLast = (frame.readUInt8(4) & END_STREAM) !== 0;
  /** @type {Buffer[]} */
  let parts = [];
  for (let at = HEADER_BYTES; at < frame.length; at += dataFrameBytes) {
    const payload = frame.subarray(at, at + dataFrameBytes);
    const header = Buffer.from(frame.subarray(0, HEADER_BYTES));
    header.writeUIntBE(payload.length, 0, 3);
    header[4] = isLast && at + dataFrameBytes >= frame.length ? END_STREAM : 0;
    parts.push(header, payload);
    onFrame();
    if (parts.length * HEADER_BYTES < CHUNK_BYTES) continue;
    yield Buffer.concat(parts);
    parts = [];
  }
  yield Buffer.concat(parts);
}
