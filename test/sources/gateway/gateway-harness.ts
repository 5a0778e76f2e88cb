import { afterEach } from 'vitest';
import type { NetworkPolicy } from '../../../src/sources/gateway/network-policy.js';
import { openRoute } from '../../../src/sources/gateway/source-gateway.js';
import type { InputRoute, RouteOptions } from '../../../src/sources/gateway/route.js';
import { startCanary, type Canary } from '../../helpers/canary.js';
import { ScriptedCamera, type CameraScript, type ScriptedCameraOptions } from '../../helpers/scripted-camera.js';
import { ScriptedWeb, type ScriptedWebOptions, type WebScript } from '../../helpers/scripted-web.js';
import { RtspClient } from './rtsp-client.js';

/** What is allowed in these tests; the canary lives elsewhere. */
export const ALLOWED: NetworkPolicy = { kind: 'networks', networks: ['127.0.0.1/32', '127.0.0.2/32'] };
const CANARY_HOST = '127.0.0.9';

export type GatewayHarness = {
  readonly camera: (script?: CameraScript, options?: ScriptedCameraOptions) => Promise<ScriptedCamera>;
  readonly web: (script?: WebScript, options?: ScriptedWebOptions) => Promise<ScriptedWeb>;
  readonly canary: () => Promise<Canary>;
  readonly open: (url: string, options?: Partial<RouteOptions>) => Promise<InputRoute>;
  readonly client: (route: InputRoute) => Promise<RtspClient>;
};

/** Sets up, for one test file, what tests of the gateway share; all of it is closed after each test. */
export function gatewayHarness(): GatewayHarness {
  const closers: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });
  const owned = <T extends { close(): unknown }>(resource: T): T => {
    closers.push(() => resource.close());
    return resource;
  };
  return {
    camera: async (script, options) => owned(await ScriptedCamera.start(script, options)),
    web: async (script, options) => owned(await ScriptedWeb.start(script, options)),
    canary: async () => {
      const canary = await startCanary(CANARY_HOST);
      if (canary === null) throw new Error(`${CANARY_HOST} is not an address of this machine`);
      return owned(canary);
    },
    open: async (url, options) => owned(await openRoute(url, { transport: 'tcp', timeoutMs: 3_000, policy: ALLOWED, ...options })),
    client: async (route) => owned(await RtspClient.connect(route.input)),
  };
}
