import ffmpeg from 'fluent-ffmpeg';
import { isAtLeast, type FfmpegTools } from './tools.js';

export type OutputSpec = {
  /** Options of this output, before its target. */
  readonly options: readonly string[];
  /** `pipe:3`, or a file's path. */
  readonly target: string;
};

export type CommandSpec = {
  readonly inputOptions: readonly string[];
  /** URL, `pipe:0` or `file:/absolute/path`. */
  readonly input: string;
  readonly filterGraph?: string;
  readonly outputs: readonly OutputSpec[];
};

/** Composes ffmpeg's arguments. fluent-ffmpeg only orders them; it never starts a process here.
 * Options go in as lists of at least two, because fluent-ffmpeg cuts a single one at its space. */
export function composeArguments(spec: CommandSpec): readonly string[] {
  const command = ffmpeg().input(spec.input).inputOptions(...asMany(['-nostdin', '-hide_banner', '-loglevel', 'repeat+level+error', ...spec.inputOptions]));
  if (spec.filterGraph !== undefined) command.complexFilter(spec.filterGraph);
  for (const output of spec.outputs) command.output(output.target).outputOptions(...asMany(output.options));
  return command._getArguments();
}

/** The options that hand every frame on once with its own time, in the words of this ffmpeg's version. */
export function passthroughTiming(tools: FfmpegTools): readonly string[] {
  return isAtLeast(tools, 5, 1) ? ['-fps_mode', 'passthrough'] : ['-vsync', 'passthrough'];
}

function asMany(options: readonly string[]): string[] {
  if (options.length < 2) throw new RangeError(`Expected at least two options, got ${String(options.length)}`);
  return [...options];
}
