import { WebSocket } from 'ws';
import { createAnnotator } from '../../src/annotation/annotator.js';
import { offerFrame } from '../../src/annotation/offered-frame.js';
import type { StreamStatus } from '../../src/core/stream-status.js';
import { createLogger } from '../../src/telemetry/logger.js';
import { createMetrics } from '../../src/telemetry/metrics.js';
import type { DirectoryListener, StreamDirectory } from '../../src/viewers/stream-directory.js';
import { startViewerServer } from '../../src/viewers/viewer-server.js';
import { defaultStatus } from '../../test/helpers/fake-directory.js';
import { makeDetectedFrame, noisePicture } from './frames.js';

const SIZE = { widthPx: 1280, heightPx: 720 };

/** Streams with pictures in memory, our annotator and server, and one viewer that subscribes to all of them over one socket. */
export type StreamWall = {
  /** Sends one frame of every stream and waits until the viewer has them all. @returns bytes that it got */
  readonly round: (maxWidthPx: number | null) => Promise<number>;
  readonly close: () => Promise<void>;
};

/** @param count of streams */
export async function openStreamWall(count: number): Promise<StreamWall> {
  const ids = Array.from({ length: count }, (_, index) => `s${String(index)}`);
  const picture = noisePicture(SIZE);
  const annotator = createAnnotator();
  const listeners = new Set<DirectoryListener>();
  const server = await startViewerServer({
    host: '127.0.0.1', port: 0, directory: directoryOf(ids, listeners), webRoot: '/nowhere', metrics: createMetrics(), readiness: () => ({ ready: true, message: '' }), tokens: [],
    log: createLogger({ level: 'silent', format: 'json' }),
  });
  const socket = new WebSocket(`ws://127.0.0.1:${String(server.port)}/ws`, 'sightline.v1', { perMessageDeflate: false });
  let seq = 0;
  let bytes = 0;
  let got = 0;
  let onAll: () => void = () => undefined;
  socket.on('message', (data: Buffer, isBinary) => {
    if (!isBinary) return;
    bytes += data.length;
    got += 1;
    if (got === count) onAll();
  });
  await new Promise((resolve) => socket.once('open', resolve));
  let width: number | null | undefined;
  return {
    round: async (maxWidthPx) => {
      if (width !== maxWidthPx) {
        width = maxWidthPx;
        for (const stream of ids) socket.send(JSON.stringify({ type: 'subscribe', stream, ...(maxWidthPx === null ? {} : { maxWidthPx }) }));
        await new Promise((resolve) => { socket.once('pong', resolve).ping(); });
      }
      [bytes, got] = [0, 0];
      seq += 1;
      const all = new Promise<void>((resolve) => { onAll = resolve; });
      for (const streamId of ids) {
        const detected = makeDetectedFrame(picture, 3);
        const offered = offerFrame({ ...detected, frame: { ...detected.frame, streamId, seq } }, annotator);
        for (const listener of listeners) listener.onFrame(offered);
        offered.release();
      }
      await all;
      return bytes;
    },
    close: async () => {
      socket.terminate();
      await server.close();
      await annotator.close();
    },
  };
}

function directoryOf(ids: readonly string[], listeners: Set<DirectoryListener>): StreamDirectory {
  const statuses = new Map<string, StreamStatus>(ids.map((id) => [id, { ...defaultStatus(id), ...SIZE }]));
  return {
    list: () => [...statuses.values()],
    get: (id) => statuses.get(id),
    latest: () => undefined,
    timeline: () => null,
    watch: () => () => undefined,
    addViewerSkipped: () => undefined,
    control: () => Promise.resolve(),
    listen: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
