import { load } from './demo-clip.mjs';

const [{ cacheDir }, { ensureDemoClip }, { findFfmpeg }, { createLogger }] = await Promise.all(['config/cache-dir.js', 'demo/demo-clip.js', 'ffmpeg/tools.js', 'telemetry/logger.js'].map(load));

try {
  await ensureDemoClip({ cacheDir: cacheDir(), tools: await findFfmpeg(), log: createLogger({ level: 'silent', format: 'json' }) });
} catch (error) {
  process.stderr.write(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
