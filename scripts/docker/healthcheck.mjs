// HEALTHCHECK of the images: 0 when the process answers, 1 when not. Whether the backend does is /readyz's business:
// restarting this container would not mend that.
const port = process.env['SIGHTLINE_SERVER_PORT'] ?? '8080';

try {
  const response = await fetch(`http://127.0.0.1:${port}/healthz`, { signal: AbortSignal.timeout(3000) });
  if (!response.ok) throw new Error(`/healthz answers ${String(response.status)}`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
