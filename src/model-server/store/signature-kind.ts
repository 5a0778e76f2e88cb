import type { SignatureDef } from '../../serving/metadata-messages.js';
import type { ServableManifest } from './servable-manifest.js';

const DETECTION_OUTPUTS = ['detection_boxes', 'detection_classes', 'detection_scores', 'num_detections'];
const FLOATS = ['float', 'double', 'half', 'bfloat16'];

/** What a signature answers with, by the names and shapes of its outputs. */
export function signatureKind({ outputs }: SignatureDef): ServableManifest['kind'] {
  if (DETECTION_OUTPUTS.every((name) => outputs.has(name))) return 'detection';
  const [only, ...others] = outputs.values();
  return only !== undefined && others.length === 0 && only.shape?.length === 2 && FLOATS.includes(only.dtype) ? 'classification' : 'other';
}
