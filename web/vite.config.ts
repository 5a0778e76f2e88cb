import { fileURLToPath } from 'node:url';

import { defineConfig } from 'vite';

// Vite reads the default export of its configuration: the one place that has one.
export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  base: './',
  publicDir: false,
  build: {
    outDir: fileURLToPath(new URL('../dist/web', import.meta.url)),
    emptyOutDir: true,
    target: ['chrome123', 'firefox121', 'safari17.5'],
    // The page is served under `default-src 'self'`: nothing inline, also no small asset.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // The embeddable tile stands in a folder, as its address does: `/embed/STREAM`.
    rolldownOptions: { input: [fileURLToPath(new URL('index.html', import.meta.url)), fileURLToPath(new URL('embed/index.html', import.meta.url))] },
  },
});
