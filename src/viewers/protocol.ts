/** The messages of `/ws`, subprotocol `sightline.v1`. Types only: the page and other clients build on them. */
import type { DetectionRecord } from '../core/detection-record.js';
import type { ClassScore, FrameTimingsMs, ModelIdentity } from '../core/frames.js';
import type { StreamCommand } from '../core/stream-control.js';
import type { StreamStatus } from '../core/stream-status.js';

/** Subprotocol that a client must offer. */
export const SUBPROTOCOL = 'sightline.v1';

export type SubscribeMessage = {
  readonly type: 'subscribe';
  readonly stream: string;
  /** At most this many frames a second, > 0. */
  readonly maxFps?: number;
  /** At most this wide, pixels, rounded up to a multiple of 160 so that viewers share pictures. */
  readonly maxWidthPx?: number;
  /** `client`: the picture without boxes, for viewers that draw the header's boxes themselves. Default `server`. */
  readonly render?: 'server' | 'client';
};
export type ControlMessage = { readonly type: 'control'; readonly stream: string } & StreamCommand;
export type ClientMessage =
  | SubscribeMessage
  | { readonly type: 'unsubscribe'; readonly stream: string }
  /** Cumulative: every frame up to `seq` was displayed or discarded. One right after `subscribe` (with `seq` 0) tells from the start that this viewer acknowledges,
   * which bounds the age of its pictures by two frames on a slow connection too. */
  | { readonly type: 'ack'; readonly stream: string; readonly seq: number }
  /** For operators: what `POST /api/streams/:id/control` takes. */
  | ControlMessage
  | { readonly type: 'ping'; readonly t: number };

export type ServerMessage =
  | { readonly type: 'hello'; readonly version: 1; readonly nowMs: number; readonly streams: readonly StreamStatus[] }
  | { readonly type: 'stream'; readonly stream: StreamStatus }
  | { readonly type: 'removed'; readonly stream: string }
  | { readonly type: 'pong'; readonly t: number; readonly nowMs: number }
  | { readonly type: 'error'; readonly code: string; readonly message: string; readonly stream?: string };

/** Header of a binary message: uint32 little-endian header length, the header as UTF-8 JSON, then the JPEG. */
export type FrameHeader = {
  readonly stream: string;
  readonly seq: number;
  /** On the source's own clock. */
  readonly ptsMs: number;
  /** Of a replay: this frame's place in the recording, ms after the first frame, as `seek` takes it. Left out of live streams. The status' `positionMs` is that of the
   * newest frame at the server, which is seldom the one that a viewer looks at. */
  readonly positionMs?: number;
  /** Epoch ms on the server's clock. */
  readonly capturedAtMs: number;
  readonly sentAtMs: number;
  /** Size of the JPEG that follows. */
  readonly widthPx: number;
  readonly heightPx: number;
  /** The JPEG is without boxes, as `render: "client"` asked; left out where they are drawn into it. */
  readonly render?: 'client';
  /** `null`: no detector looked at this frame. */
  readonly model: ModelIdentity | null;
  /** Boxes, masks and keypoints in pixels of the JPEG. */
  readonly detections: readonly DetectionRecord[];
  /** What the frame as a whole shows, ordered by score, descending; left out when there is nothing. */
  readonly classes?: readonly ClassScore[];
  readonly timingsMs: FrameTimingsMs;
};
