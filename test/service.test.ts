import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { StreamConfig } from '../src/config/service-config.js';
import { startService } from '../src/service.js';
import { createLogger } from '../src/telemetry/logger.js';
import { descendantsOf } from './helpers/processes.js';
import { serviceConfig, streamConfig } from './helpers/service-config.js';
import { until } from './helpers/until.js';

const stream = (id: string): StreamConfig => streamConfig(id, 'demo:street', { loop: true });
const config = serviceConfig('127.0.0.1:9', { streams: [stream('one'), stream('two')] });

it('draws the demo clip once for all streams, and leaves neither process nor file behind when it is closed meanwhile', async () => {
  const cacheDir = await mkdtemp(join(tmpdir(), 'service-test-'));
  const encoders = async (): Promise<number> => (await descendantsOf(process.pid)).filter(({ command }) => command.includes('ffmpeg') && command.includes(cacheDir)).length;
  try {
    const service = await startService({ config, cacheDir, log: createLogger({ level: 'silent', format: 'json' }) });
    let most = 0;
    await until(async () => {
      most = Math.max(most, await encoders());
      return (await readdir(cacheDir)).length > 0;
    });
    most = Math.max(most, await encoders());
    await service.close();
    expect(most).toBe(1);
    expect(await encoders()).toBe(0);
    expect(await readdir(cacheDir)).toEqual([]);
  } finally {
    await rm(cacheDir, { recursive: true, force: true });
  }
});
