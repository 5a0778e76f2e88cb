import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** The stages that `sightline_stage_seconds` tells apart: `decode` is from a frame's first byte to its last, `queue` from there to its Predict call, `send` until a viewer's socket has
 * taken it over. */
export type StageName = 'decode' | 'queue' | 'predict' | 'annotate' | 'send';

export type FrameOutcome = 'decoded' | 'shown' | 'dropped' | 'failed' | 'viewer_skipped';

/** All metrics of one service; each service has its own registry, nothing is global. */
export type Metrics = {
  readonly registry: Registry;
  /** `reason` is empty for outcomes that have none. */
  readonly frames: Counter<'stream' | 'outcome' | 'reason'>;
  readonly stageSeconds: Histogram<'stage'>;
  /** 1 for the state that the endpoint is in, 0 for the others. */
  readonly backendState: Gauge<'endpoint' | 'state'>;
  /** What each endpoint is given at most, at present: `batch_frames`, `batches_in_flight`. */
  readonly backendLimit: Gauge<'endpoint' | 'limit'>;
  /** Predict calls by how they ended. */
  readonly backendCalls: Counter<'endpoint' | 'outcome'>;
  /** Batches that were sent to another backend because the first one was gone or full. */
  readonly failovers: Counter;
  readonly batchSize: Histogram;
  readonly viewers: Gauge;
  /** How late the event loop was for what was due, in the last half to whole minute. */
  readonly loopDelay: Gauge<'quantile'>;
  readonly loopStalls: Counter;
  /** Times that no file descriptor was left. */
  readonly descriptorShortages: Counter;
};

/** Makes the service's metrics; names are fixed by DESIGN.md part 4. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  return {
    registry,
    frames: new Counter({ name: 'sightline_frames_total', help: 'Frames by what became of them', labelNames: ['stream', 'outcome', 'reason'], registers }),
    stageSeconds: new Histogram({
      name: 'sightline_stage_seconds',
      help: 'Time a frame spends in a stage',
      labelNames: ['stage'],
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
      registers,
    }),
    backendState: new Gauge({ name: 'sightline_backend_state', help: 'State of each backend', labelNames: ['endpoint', 'state'], registers }),
    backendLimit: new Gauge({ name: 'sightline_backend_limit', help: 'What a backend is given at most, at present', labelNames: ['endpoint', 'limit'], registers }),
    backendCalls: new Counter({ name: 'sightline_backend_calls_total', help: 'Predict calls by how they ended', labelNames: ['endpoint', 'outcome'], registers }),
    failovers: new Counter({ name: 'sightline_failovers_total', help: 'Batches that were sent to another backend, the first one being gone or full', registers }),
    batchSize: new Histogram({ name: 'sightline_batch_frames', help: 'Frames in a Predict call', buckets: [1, 2, 4, 8, 16, 32, 64], registers }),
    viewers: new Gauge({ name: 'sightline_viewers', help: 'Open viewer sockets', registers }),
    loopDelay: new Gauge({ name: 'sightline_event_loop_delay_seconds', help: 'How late the event loop was for what was due, in the last half to whole minute', labelNames: ['quantile'], registers }),
    loopStalls: new Counter({ name: 'sightline_event_loop_stalls_total', help: 'Times that the event loop stood still for more than 0.5 s', registers }),
    descriptorShortages: new Counter({ name: 'sightline_descriptor_shortages_total', help: 'Times that no file descriptor was left', registers }),
  };
}
