import type { BoxesRecipe, ObjectDetectionRecipe } from '../../store/recipe.js';
import { nameClasses, type NamedClasses } from './class-ids.js';
import { describeAll, recognitionProblem, sizeOf, type Endpoint } from './endpoint.js';
import { outputOf, type RecognisedOutput } from './output-roles.js';
import type { InputHabits } from './recognise-input.js';
import { WISH_OPTIONS, type OutputRole, type RecipeWishes } from './recipe-wishes.js';

/** Rows of DETR's answers; the newer ones of its family, which need no background, have 300 or more. */
const DETR_ROWS = 100;
/** Classes with a background of sets that SSD is trained for: VOC, COCO by classes, COCO by ids. */
const SSD_CLASS_COUNTS: readonly number[] = [21, 81, 91];
/** What suppression of torchvision's and the Object Detection API's SSD allows. */
const SSD_NMS = 0.6;

const NEURAL_HABITS: InputHabits = { normalization: 'zero-to-one', resize: 'stretch', size: null };

/** Names that outputs are known by, without case, in any part of the name. */
const ROLE_NAMES: readonly (readonly [OutputRole, RegExp])[] = [
  ['count', /num_?(?:det|boxes)|count/iu],
  ['boxes', /box|bbox|rect|locations?$/iu],
  ['classes', /class(?:es)?(?:_?id|$)|labels?$|class_?idx|detection_classes/iu],
  ['scores', /score|logit|conf|prob|class/iu],
];

/** Boxes and scores in outputs of their own: DETR's family (`logits`, `pred_boxes`), SSD exports, models with their own suppression that give boxes, scores, classes and their number.
 * @returns `null` when the outputs are not such
 * @throws {ConfigError} when they are, but something has to be said */
export function recogniseBoxes(outputs: readonly Endpoint[], wishes: RecipeWishes, names: readonly string[] | null): RecognisedOutput | null {
  const roles = boxRoles(outputs, wishes);
  if (roles === null) {
    if (wishes.kind === 'boxes') throw recognitionProblem(WISH_OPTIONS.outputs, `which of its outputs are boxes [batch, rows, 4] and their scores is not to be seen (${describeAll(outputs)}): expected ${WISH_OPTIONS.outputs} boxes=NAME,scores=NAME`);
    return null;
  }
  const { boxes, scores, classes, count } = roles;
  const isDetr = /pred_?boxes/iu.test(boxes.name) && classes === null;
  const rows = sizeOf(boxes, 1);
  const scoreCount = classes === null ? (sizeOf(scores, 2) ?? addBackground(wishes)) : null;
  const withBackground = isDetr ? rows === DETR_ROWS && scoreCount !== null && scoreCount > 1 : classes === null && scoreCount !== null && SSD_CLASS_COUNTS.includes(scoreCount);
  const background = wishes.background !== undefined ? wishes.background : !withBackground || scoreCount === null ? null : isDetr ? scoreCount - 1 : 0;
  const classCount = wishes.classCount ?? (scoreCount === null ? knownClassCount(names, wishes) : scoreCount - (background === null ? 0 : 1));
  if (classCount === null) throw recognitionProblem(WISH_OPTIONS.classCount, `how many classes it has is not to be seen (${describeAll(outputs)}): expected ${WISH_OPTIONS.classCount} N or ${WISH_OPTIONS.labels} FILE`);
  const named = classes !== null && wishes.labels === undefined && wishes.classIds === undefined && names === null ? sameIds(classCount) : nameClasses(classCount, names, wishes);
  const recipe: BoxesRecipe = {
    kind: 'boxes',
    boxes: boxes.name,
    boxFormat: wishes.boxFormat ?? (isDetr ? 'cxcywh' : classes === null ? 'xyxy' : 'yxyx'),
    boxUnits: wishes.boxUnits ?? 'normalized',
    scores: scores.name,
    activation: wishes.activation ?? (isDetr ? (background === null ? 'sigmoid' : 'softmax') : /logit/iu.test(scores.name) ? 'sigmoid' : 'none'),
    classes: classes?.name ?? null,
    count: count?.name ?? null,
    background,
    classIds: named.classIds,
    nms: wishes.nms !== undefined ? wishes.nms : isDetr || classes !== null ? null : SSD_NMS,
  };
  const isDetrWithBackground = isDetr && background !== null;
  return { recipe, labels: named.labels, habits: isDetrWithBackground ? { ...NEURAL_HABITS, normalization: 'imagenet', resize: 'letterbox' } : NEURAL_HABITS };
}

/** The four outputs of the Object Detection API by their names, in an ONNX file or a frozen graph.
 * @returns `null` when they are not there */
export function recogniseObjectDetection(outputs: readonly Endpoint[], wishes: RecipeWishes): RecognisedOutput | null {
  const named = (role: OutputRole, name: string): string | null => wishes.outputs?.[role] ?? outputs.find((output) => output.name === name || output.name === `${name}:0`)?.name ?? null;
  const [boxes, classes, scores, count] = [named('boxes', 'detection_boxes'), named('classes', 'detection_classes'), named('scores', 'detection_scores'), named('count', 'num_detections')];
  if (boxes === null || classes === null || scores === null || count === null) {
    if (wishes.kind === 'object-detection') throw recognitionProblem(WISH_OPTIONS.outputs, `it has not all of detection_boxes, detection_classes, detection_scores and num_detections (${describeAll(outputs)}): expected ${WISH_OPTIONS.outputs} boxes=NAME,classes=NAME,scores=NAME,count=NAME`);
    return null;
  }
  const points = named('keypoints', 'detection_keypoints');
  const recipe: ObjectDetectionRecipe = { kind: 'object-detection', boxes, classes, scores, count, masks: named('masks', 'detection_masks'), keypoints: points === null ? null : { points, scores: named('keypointScores', 'detection_keypoint_scores') } };
  return { recipe, labels: wishes.labels ?? null, habits: { normalization: 'none', resize: 'letterbox', size: { widthPx: 640, heightPx: 640 } } };
}

type BoxRoles = { readonly boxes: Endpoint; readonly scores: Endpoint; readonly classes: Endpoint | null; readonly count: Endpoint | null };

function boxRoles(outputs: readonly Endpoint[], wishes: RecipeWishes): BoxRoles | null {
  const found = new Map<OutputRole, Endpoint>();
  for (const [role, name] of ROLE_NAMES) {
    const wish = wishes.outputs?.[role];
    const candidates = outputs.filter((output) => ![...found.values()].includes(output) && !Object.values(wishes.outputs ?? {}).includes(output.name) && name.test(output.name) && fitsRole(output, role, found));
    const output = wish === undefined ? candidates[0] : outputOf(outputs, wish);
    if (output !== undefined) found.set(role, output);
  }
  const boxes = found.get('boxes') ?? only(outputs.filter((output) => output.shape?.length === 3 && sizeOf(output, 2) === 4));
  const scores = found.get('scores') ?? only(outputs.filter((output) => output !== boxes && output.shape?.length === 3));
  if (boxes === undefined || scores === undefined) return null;
  const classes = found.get('classes') ?? null;
  // Without classes of their own, scores are one for each.
  if (boxes.shape?.length !== 3 || (sizeOf(boxes, 2) ?? 4) !== 4 || scores.shape?.length !== (classes === null ? 3 : 2)) return null;
  return { boxes, scores, classes, count: found.get('count') ?? null };
}

function fitsRole({ shape }: Endpoint, role: OutputRole, found: ReadonlyMap<OutputRole, Endpoint>): boolean {
  const rank = shape?.length ?? 0;
  if (role === 'boxes') return rank === 3;
  if (role === 'count') return rank === 1 || rank === 2;
  if (role === 'classes') return rank === 2;
  return rank === (found.has('classes') ? 2 : 3);
}

function only<T>(values: readonly T[]): T | undefined {
  return values.length === 1 ? values[0] : undefined;
}

function addBackground({ classCount, background }: RecipeWishes): number | null {
  return classCount === undefined ? null : classCount + (background == null ? 0 : 1);
}

function knownClassCount(names: readonly string[] | null, { labels, classIds }: RecipeWishes): number | null {
  if (names !== null) return names.length;
  if (classIds !== undefined) return classIds === 'coco90' ? 80 : classIds.length;
  return labels === undefined ? null : Math.max(0, ...labels.keys()) + 1;
}

/** A graph that tells classes by number tells ids; there is nothing to count. */
function sameIds(count: number): NamedClasses {
  return { classIds: Array.from({ length: count }, (_, index) => index), labels: null };
}
