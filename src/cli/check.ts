import { Command } from 'commander';
import { cacheDir } from '../config/cache-dir.js';
import { loadConfig } from '../config/load-config.js';
import type { EmbeddedConfig, ServiceConfig, StreamConfig } from '../config/service-config.js';
import { ConfigError, formatConfigIssue, SightlineError } from '../core/errors.js';
import { ensureDemoClip } from '../demo/demo-clip.js';
import { findFfmpeg, type FfmpegTools } from '../ffmpeg/tools.js';
import { chooseEngine } from '../model-server/engines/load-engine.js';
import { findEmbeddedModel } from '../model-server/store/embedded-model.js';
import { openDetector } from '../service.js';
import { rationalValue } from '../ffmpeg/rational.js';
import { examineSource } from '../sources/run/open-run.js';
import { accessOf, type SourceAccess } from '../sources/opening/source-access.js';
import type { Logger } from '../telemetry/logger.js';
import { createMetrics } from '../telemetry/metrics.js';
import { readTlsFiles, type TlsFiles } from '../viewers/tls-files.js';
import { EXIT_FAILED, EXIT_OK, EXIT_USAGE } from './exit-code.js';
import { addLogOptions, loggerOf, quietUnlessAsked, type LogFlags } from './log-options.js';
import { addServiceOptions, type ServiceFlags } from './serve.js';
import { onShutdown } from './shutdown.js';

/** How long a backend may take before it counts as not there, ms; the embedded server loads its model within this. */
const BACKEND_TIMEOUT_MS = 30_000;

/** `sightline check`: looks at everything that `serve` needs and says what to do about what is wrong. */
export function checkCommand(report: (exitCode: number) => void): Command {
  const command = new Command('check').description('look at ffmpeg, the configuration, every source and the backend, and say what is wrong');
  return addLogOptions(addServiceOptions(command)).action(async (flags: ServiceFlags & LogFlags) => {
    const log = loggerOf(quietUnlessAsked(flags, 'silent'));
    const shutdown = onShutdown();
    try {
      report(await runChecks(flags, log, shutdown.signal));
    } finally {
      shutdown.dispose();
    }
  });
}

async function runChecks(flags: ServiceFlags, log: Logger, signal: AbortSignal): Promise<number> {
  const findings = new Findings(signal);
  const tools = await findings.look('ffmpeg', findFfmpeg, ({ version }) => `version ${String(version.major)}.${String(version.minor)}`);
  const config = await findings.look('configuration', () => loadConfig({ flags }), describeConfig);
  if (config === null && signal.aborted) return EXIT_OK;
  if (config === null) return findings.hasConfigError ? EXIT_USAGE : EXIT_FAILED;
  const { tls } = config.server;
  if (tls !== null) await findings.look('certificate', () => checkCertificate(tls), (validTo) => `valid until ${validTo}`);
  if (tools !== null) for (const stream of config.streams) await checkStream(findings, stream, { tools, access: accessOf(config.sources, 'configured'), log, signal });
  const { backend } = config;
  if (backend.kind === 'embedded') await findings.look('engine', () => checkEngine(backend, config.model.name, log), (message) => message);
  await findings.look('backend', () => checkBackend(config, log, signal), (message) => message);
  return findings.problems === 0 || signal.aborted ? EXIT_OK : EXIT_FAILED;
}

async function checkStream(findings: Findings, stream: StreamConfig, context: { tools: FfmpegTools; access: SourceAccess; log: Logger; signal: AbortSignal }): Promise<void> {
  const { tools, access, log, signal } = context;
  const { source, mode, transport, timeoutMs, imageFps } = stream;
  const demoClip = (): Promise<string> => ensureDemoClip({ cacheDir: cacheDir(), tools, log, signal });
  await findings.look(
    `stream ${stream.id}`,
    () => examineSource({ source, mode, transport, timeoutMs, imageFps, access, tools, demoClip }, signal),
    ({ size, declaredFps, durationMs }) =>
      [`${String(size.widthPx)}x${String(size.heightPx)}`, declaredFps === null ? null : `${String(Number(rationalValue(declaredFps).toFixed(2)))} fps`, durationMs === null ? null : `${(durationMs / 1000).toFixed(1)} s`, stream.mode]
        .filter((part) => part !== null)
        .join(', '),
  );
}

async function checkCertificate(files: TlsFiles): Promise<string> {
  const { validTo } = await readTlsFiles(files);
  if (Date.parse(validTo) <= Date.now()) throw new ConfigError([{ file: files.cert, path: '', message: `server.tls.cert expired on ${validTo}: renew it` }]);
  return validTo;
}

/** Which engine computes, and why that one. */
async function checkEngine({ modelDir, engine }: EmbeddedConfig, name: string | null, log: Logger): Promise<string> {
  const { servable } = await findEmbeddedModel(modelDir, name, { cacheDir: cacheDir(), log });
  const said: string[] = [];
  const listen = (line: string): void => {
    said.push(line.replace(/^engine /u, ''));
  };
  await chooseEngine(engine, servable, { info: listen, warn: listen });
  return said.reverse().join('; ');
}

async function checkBackend(config: ServiceConfig, log: Logger, signal: AbortSignal): Promise<string> {
  const host = await openDetector({ config, metrics: createMetrics(), log });
  try {
    host.start();
    await host.whenReady(BACKEND_TIMEOUT_MS, signal);
    return host.detector.state.status.message;
  } finally {
    await host.close();
  }
}

function describeConfig({ streams, server }: ServiceConfig): string {
  return `${String(streams.length)} ${streams.length === 1 ? 'stream' : 'streams'}, page at ${server.tls === null ? 'http' : 'https'}://${server.host}:${String(server.port)}/`;
}

/** Prints a line for each thing that was looked at. */
class Findings {
  problems = 0;
  hasConfigError = false;
  readonly #signal: AbortSignal;

  /** @param signal ends the looking: what it interrupts is no problem, and nothing more is looked at */
  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  /** @returns what was found, or `null` when something is wrong with it */
  async look<T>(what: string, find: () => Promise<T>, describe: (found: T) => string): Promise<T | null> {
    if (this.#isOver()) return null;
    try {
      const found = await find();
      process.stdout.write(`ok       ${what}: ${describe(found)}\n`);
      return found;
    } catch (error) {
      if (this.#isOver()) return null;
      for (const line of problemLines(error)) process.stdout.write(`problem  ${what}: ${line}\n`);
      this.problems += 1;
      this.hasConfigError ||= error instanceof ConfigError;
      return null;
    }
  }

  #isOver(): boolean {
    return this.#signal.aborted;
  }
}

function problemLines(error: unknown): readonly string[] {
  if (error instanceof ConfigError) return error.issues.map(formatConfigIssue);
  if (error instanceof SightlineError) return [error.message];
  throw error;
}
