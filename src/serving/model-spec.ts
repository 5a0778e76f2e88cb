import type { Int64Like } from './tensor-codec.js';

/** Which model a message is about. */
export type ModelSpec = {
  readonly name: string;
  /** Decimal digits: versions are 64 bits wide, more than a JavaScript number holds. `null`: not said. */
  readonly version: string | null;
  readonly versionLabel: string | null;
  /** Empty: not said, which means `serving_default`. */
  readonly signatureName: string;
};

/** The signature that TensorFlow Serving takes when none is named. */
export const DEFAULT_SIGNATURE_NAME = 'serving_default';

/** A ModelSpec as protobufjs keeps it. */
export type ModelSpecProto = {
  readonly name?: string;
  readonly version?: { readonly value?: Int64Like } | null;
  readonly versionLabel?: string;
  readonly signatureName?: string;
};

const VERSION_PATTERN = /^-?[0-9]{1,19}$/;

/** @throws {RangeError} when the version is not a whole number or stands beside a label */
export function toModelSpecProto(spec: ModelSpec): ModelSpecProto {
  if (spec.version !== null && !VERSION_PATTERN.test(spec.version)) throw new RangeError(`Expected \`version\` to be a whole number, got ${JSON.stringify(spec.version)}`);
  if (spec.version !== null && spec.versionLabel !== null) throw new RangeError('Expected `version` or `versionLabel`, got both');
  return {
    name: spec.name,
    signatureName: spec.signatureName,
    ...(spec.version === null ? {} : { version: { value: spec.version } }),
    ...(spec.versionLabel === null ? {} : { versionLabel: spec.versionLabel }),
  };
}

/** Reads a ModelSpec; `null` where the message has none. */
export function fromModelSpecProto(proto: ModelSpecProto | null | undefined): ModelSpec | null {
  if (proto === null || proto === undefined) return null;
  const label = Object.hasOwn(proto, 'versionLabel') ? proto.versionLabel : undefined;
  return {
    name: proto.name ?? '',
    version: proto.version === null || proto.version === undefined ? null : (proto.version.value ?? 0).toString(),
    versionLabel: label ?? null,
    signatureName: proto.signatureName ?? '',
  };
}
