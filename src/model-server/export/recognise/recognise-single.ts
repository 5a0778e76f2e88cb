import type { ClassificationRecipe, InputRecipe, RowsRecipe, YoloRecipe } from '../../store/recipe.js';
import { labelsOf, nameClasses } from './class-ids.js';
import { describe, recognitionProblem, sizeOf, type Endpoint } from './endpoint.js';
import type { RecognisedOutput } from './output-roles.js';
import { WISH_OPTIONS, type RecipeWishes } from './recipe-wishes.js';
import type { UltralyticsMetadata } from './ultralytics-metadata.js';

/** What is known beside an output itself. */
export type Surroundings = { readonly wishes: RecipeWishes; readonly metadata: UltralyticsMetadata | null; readonly layout: InputRecipe['layout'] };

const BOX_VALUES = 4;
const VALUES_PER_ROW = 6;
/** Overlap that Ultralytics' `predict` allows by default. */
const YOLO_NMS = 0.7;
/** What the Object Detection API's SSD configurations allow, and what the default model is served with. */
const ROWS_NMS = 0.6;
const COCO_CLASSES = 80;
/** Channels of YOLOv5 for COCO: box, objectness, 80 classes. */
const YOLOV5_COCO_CHANNELS = 85;
/** RT-DETR looks for at most so many objects; a YOLO head has thousands of rows. */
const MAX_QUERIES = 1_000;

/** Rows `[n, rows, 6]`: x1, y1, x2, y2, score, class index, suppressed already by YOLOs (NCHW), not by the default model. */
export function recogniseRows(output: Endpoint, { wishes, metadata, layout }: Surroundings): RecognisedOutput {
  const values = sizeOf(output, 2);
  if (output.shape?.length !== 3 || (values ?? VALUES_PER_ROW) !== VALUES_PER_ROW) throw recognitionProblem(WISH_OPTIONS.kind, `its output ${describe(output)} has no rows: expected [batch, rows, 6], x1, y1, x2, y2, score and class${metadata === null ? '' : '; masks and keypoints are read from a head that is exported without its own suppression (end2end=False, nms=False)'}`);
  const count = wishes.classCount ?? metadata?.names?.length ?? (Array.isArray(wishes.classIds) ? wishes.classIds.length : (wishes.labels?.size ?? COCO_CLASSES));
  const { classIds, labels } = nameClasses(count, metadata?.names ?? null, wishes);
  const recipe: RowsRecipe = { kind: 'rows', output: output.name, boxUnits: wishes.boxUnits ?? 'pixels', classIds, nms: wishes.nms !== undefined ? wishes.nms : layout === 'nhwc' ? ROWS_NMS : null };
  return { recipe, labels, habits: { normalization: layout === 'nhwc' ? 'none' : 'zero-to-one', resize: 'letterbox', size: metadata?.size ?? null } };
}

/** A YOLO head, of which the smaller of the last two axes is the values of a row; RT-DETR's of Ultralytics too.
 * @param prototypes output of a segmentation head, `[n, coefficients, h, w]`
 * @throws {ConfigError} when the number of classes is not to be seen */
export function recogniseYolo(output: Endpoint, prototypes: Endpoint | null, { wishes, metadata }: Surroundings): RecognisedOutput {
  const { channels, channelsLast } = headLayout(output, wishes);
  const names = metadata?.names ?? null;
  const keypoints = wishes.keypoints !== undefined ? wishes.keypoints : (metadata?.keypoints ?? null);
  const coefficients = prototypes === null ? 0 : sizeOf(prototypes, 1);
  if (coefficients === null) throw recognitionProblem('outputs', `how many prototypes its output ${describe(prototypes ?? output)} has is not to be seen: export it with a fixed size`);
  const more = coefficients + (keypoints === null ? 0 : keypoints.count * (keypoints.scored ? 3 : 2));
  const given = wishes.classCount ?? names?.length ?? (Array.isArray(wishes.classIds) ? wishes.classIds.length : undefined);
  const room = channels === null ? null : channels - BOX_VALUES - more;
  const objectness = wishes.objectness ?? (given === undefined || room === null ? channels === YOLOV5_COCO_CHANNELS + coefficients && keypoints === null : room === given + 1);
  const count = given ?? (room === null ? null : room - (objectness ? 1 : 0));
  if (count === null) throw recognitionProblem(WISH_OPTIONS.classCount, `how many classes its output ${describe(output)} has is not to be seen: expected ${WISH_OPTIONS.classCount} N or ${WISH_OPTIONS.labels} FILE`);
  if (count < 1 || (room !== null && room < count + (objectness ? 1 : 0))) {
    throw recognitionProblem(WISH_OPTIONS.classCount, `its output ${describe(output)} has no room for ${count} classes beside ${BOX_VALUES} values of a box${objectness ? ', objectness' : ''}${more > 0 ? ` and ${more} of masks or keypoints` : ''}: expected ${WISH_OPTIONS.classCount} N${keypoints === null ? ` or ${WISH_OPTIONS.keypoints} COUNT` : ''}`);
  }
  const { classIds, labels } = nameClasses(count, names, wishes);
  const rows = channelsLast ? sizeOf(output, 1) : null;
  const isRtDetr = metadata?.isRtDetr === true || (rows !== null && rows <= MAX_QUERIES && !objectness && prototypes === null && keypoints === null);
  const recipe: YoloRecipe = {
    kind: 'yolo',
    output: output.name,
    channelsLast,
    objectness,
    boxUnits: wishes.boxUnits ?? (isRtDetr ? 'normalized' : 'pixels'),
    classIds,
    nms: wishes.nms !== undefined ? wishes.nms : isRtDetr ? null : YOLO_NMS,
    prototypes: prototypes?.name ?? null,
    keypoints,
  };
  return { recipe, labels, habits: { normalization: 'zero-to-one', resize: isRtDetr ? 'stretch' : 'letterbox', size: metadata?.size ?? null } };
}

function headLayout(output: Endpoint, { labels, classCount }: RecipeWishes): { readonly channels: number | null; readonly channelsLast: boolean } {
  const [first, last] = [sizeOf(output, 1), sizeOf(output, 2)];
  if (output.shape?.length !== 3) throw recognitionProblem(WISH_OPTIONS.kind, `its output ${describe(output)} is no YOLO head: expected [batch, 4 + classes, anchors] or [batch, anchors, 4 + classes]`);
  if (first !== null && (last === null || first < last)) return { channels: first, channelsLast: false };
  if (last !== null) return { channels: last, channelsLast: true };
  // Ultralytics has written the values first since YOLOv8.
  if (classCount !== undefined || labels !== undefined) return { channels: null, channelsLast: false };
  throw recognitionProblem(WISH_OPTIONS.classCount, `neither classes nor anchors of its output ${describe(output)} are to be seen: export it with a fixed size, or say ${WISH_OPTIONS.classCount} N`);
}

/** Scores of a whole picture `[n, classes]`, or `[n, classes, 1, 1]`. */
export function recogniseClassification(output: Endpoint, { wishes, metadata, layout }: Surroundings): RecognisedOutput {
  const isFlat = output.shape?.length === 2 || (output.shape?.length === 4 && [2, 3].every((axis) => sizeOf(output, axis) === 1));
  if (!isFlat) throw recognitionProblem(WISH_OPTIONS.kind, `its output ${describe(output)} has not one score for each class: expected [batch, classes]`);
  const recipe: ClassificationRecipe = { kind: 'classification', output: output.name, activation: wishes.activation ?? classActivation(output, metadata, layout) };
  const isUltralytics = metadata !== null;
  const labels = wishes.labels ?? (metadata?.names == null ? null : labelsOf(metadata.names));
  return { recipe, labels, habits: { normalization: isUltralytics || layout === 'nhwc' ? 'zero-to-one' : 'imagenet', resize: 'stretch', size: metadata?.size ?? { widthPx: 224, heightPx: 224 } } };
}

/** Ultralytics' and most of TensorFlow's classifiers end with softmax, PyTorch's before it. */
function classActivation(output: Endpoint, metadata: UltralyticsMetadata | null, layout: InputRecipe['layout']): ClassificationRecipe['activation'] {
  if (output.op === 'Softmax' || output.op === 'Sigmoid') return 'none';
  if (/logit/iu.test(output.name)) return 'softmax';
  if (/softmax|prob|sigmoid/iu.test(output.name) || metadata !== null) return 'none';
  return layout === 'nhwc' && output.op === undefined ? 'none' : 'softmax';
}
