import type { HttpBindings } from '@hono/node-server';
import type { Metrics } from '../telemetry/metrics.js';
import type { Access } from './access.js';
import type { MjpegResponse } from './mjpeg.js';
import type { ReloadResult, StreamAdmin } from './stream-directory.js';
import type { Tickets } from './tickets.js';
import type { Principal } from './tokens.js';
import type { ViewerContext } from './viewer-socket.js';

/** What the routes answer from. */
export type HttpContext = ViewerContext & {
  readonly access: Access;
  readonly tickets: Tickets;
  readonly webRoot: string;
  readonly metrics: Metrics;
  readonly readiness: () => { readonly ready: boolean; readonly message: string };
  readonly backends: () => readonly object[];
  /** Adds and removes streams; `null`: nobody can. */
  readonly admin: StreamAdmin | null;
  /** JSON schema of a stream's definition, for the description of the API; `null`: any object. */
  readonly definitionSchema: { readonly [key: string]: unknown } | null;
  /** Origins whose pages may frame a stream's tile; `*`: all. */
  readonly embedOrigins: readonly string[];
  /** Reads the configuration anew; `null`: there is none to read. @throws {ConfigError} it is refused */
  readonly reload: (() => Promise<ReloadResult>) | null;
  /** Answers that do not end by themselves; whoever closes the server ends them. */
  readonly openResponses: Set<MjpegResponse>;
};

/** What Hono carries with a request. */
export type Env = { Bindings: HttpBindings; Variables: { principal: Principal; body: Buffer } };
