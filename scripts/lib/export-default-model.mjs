import { load } from './demo-clip.mjs';

const [{ cacheDir }, { ensureDefaultServable }] = await Promise.all(['config/cache-dir.js', 'model-server/store/default-model.js'].map(load));

try {
  await ensureDefaultServable(cacheDir());
} catch (error) {
  process.stderr.write(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
