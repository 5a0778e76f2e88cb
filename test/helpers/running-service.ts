import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { ServiceConfig } from '../../src/config/service-config.js';
import { SecretRegistry } from '../../src/core/secrets.js';
import type { StreamStatus } from '../../src/core/stream-status.js';
import { startService, type Service } from '../../src/service.js';
import { createLogger } from '../../src/telemetry/logger.js';
import { FakeServing, type FakeScript } from './fake-serving.js';
import { readNumbers } from './pipeline-rig.js';
import { serviceConfig } from './service-config.js';
import { isConserved } from './stream-rig.js';

export type RunningService = {
  readonly service: Service;
  readonly serving: FakeServing;
  /** Lines of its log so far. */
  readonly log: readonly string[];
  /** Asks its API with a JSON body. */
  readonly ask: (method: string, path: string, body?: unknown) => Promise<{ readonly status: number; readonly body: unknown }>;
  /** Status of a stream. @throws {Error} when there is none, and when its frames are not conserved */
  readonly statusOf: (id: string) => Promise<StreamStatus>;
};

/** Starts a whole service in this process on a scripted backend that finds the number drawn on a picture of 160x96; ended with the test. */
export async function runService(sources: Partial<ServiceConfig['sources']> = {}, script: Partial<FakeScript> = {}, { webRoot, ...changes }: { readonly streamsFolder?: string; readonly webRoot?: string } = {}): Promise<RunningService> {
  const serving = await new FakeServing({ detections: readNumbers, ...script }).start();
  const cacheDir = await mkdtemp(join(tmpdir(), 'sightline-service-'));
  const log: string[] = [];
  const secrets = new SecretRegistry();
  const service = await startService({ ...(webRoot === undefined ? {} : { webRoot }), config: serviceConfig(serving.endpoint, { sources, ...changes }), cacheDir, secrets, log: createLogger({ level: 'debug', format: 'json', redact: secrets.redact, destination: { write: (line: string) => log.push(line) } as unknown as NodeJS.WritableStream }) });
  onTestFinished(async () => {
    await service.close();
    await serving.close();
    await rm(cacheDir, { recursive: true, force: true });
  });
  const ask: RunningService['ask'] = async (method, path, body) => {
    const response = await fetch(`${service.url}${path.replace(/^\//u, '')}`, { method, ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }) });
    const text = await response.text();
    return { status: response.status, body: text === '' ? null : (JSON.parse(text) as unknown) };
  };
  const statusOf: RunningService['statusOf'] = async (id) => {
    const { status, body } = await ask('GET', `/api/streams/${id}`);
    if (status !== 200) throw new Error(`${String(status)} for ${id}`);
    const stream = body as StreamStatus;
    if (!isConserved(stream.counters)) throw new Error(`frames of ${id} are not conserved: ${JSON.stringify(stream.counters)}`);
    return stream;
  };
  return { service, serving, log, ask, statusOf };
}
