import { z } from 'zod';

import { flag, integer, oneOf, pattern, positive, section, streamId, text, threshold } from './leaves.js';

/** Ways to decode in hardware, by the names that ffmpeg gives them. */
const HWACCELS = ['none', 'auto', 'cuda', 'vaapi', 'qsv', 'vdpau', 'drm', 'vulkan', 'v4l2m2m', 'videotoolbox', 'd3d11va', 'dxva2'] as const;

/** What a file of the streams folder may hold. `source` is needed, which is checked later so that its lack hides nothing else. */
export const streamSchema = section({
  id: streamId().optional(),
  name: text('expected a name').optional(),
  source: text('expected rtsp(s)://…, http(s)://…, a path or demo:street').optional(),
  mode: oneOf('live', 'replay').optional(),
  fps: positive(1000).optional(),
  widthPx: integer(16, 16_384).optional(),
  thresholds: z.record(z.string(), threshold(), { error: 'expected classes with their scores, for example person: 0.6' }).optional(),
  transport: oneOf('tcp', 'udp').optional(),
  timeoutMs: integer(100, 600_000).optional(),
  hwaccel: oneOf(...HWACCELS).optional(),
  hwaccelDevice: pattern(/^[\w/.:-]{1,255}$/u, 'expected a device, for example /dev/dri/renderD128').optional(),
  imageFps: positive(240).optional(),
  detectSource: text('expected rtsp(s)://… or http(s)://…').optional(),
  loop: flag().optional(),
});

/** A stream definition, checked, nothing filled in. */
export type StreamDefinition = z.output<typeof streamSchema>;
