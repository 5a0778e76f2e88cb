import type { Size } from '../../core/geometry.js';

/** How pictures become what a graph takes, and what it gives becomes the answer of a served model: the part of a servable that is not the graph itself.
 * In an ONNX model and in a SavedModel it is operators; with a TensorFlow.js graph our own code does it. */
export type Recipe = { readonly input: InputRecipe; readonly output: OutputRecipe };

/** From RGB bytes of any size to the graph's input. */
export type InputRecipe = {
  /** The graph's own name of it. */
  readonly name: string;
  /** What the graph looks at; with `resize` `none`, a size that suits it. */
  readonly size: Size;
  readonly layout: 'nhwc' | 'nchw';
  readonly dtype: 'float' | 'uint8' | 'half' | 'int32';
  /** `letterbox`: the whole picture, centred, grey 114 around it. Pictures that have the size already are not touched. Scaled bilinearly with antialiasing, pixel centres at one half.
   * `none`: the graph takes pictures of any size. */
  readonly resize: 'letterbox' | 'stretch' | 'none';
  readonly channels: 'rgb' | 'bgr';
  /** The graph gets (byte - mean) / deviation, a mean and a deviation for each channel in the graph's order. */
  readonly mean: readonly [number, number, number];
  readonly deviation: readonly [number, number, number];
  /** Pictures that the graph takes at once; `null`: any number. */
  readonly batchSize: number | null;
};

export type OutputRecipe = RowsRecipe | YoloRecipe | BoxesRecipe | ObjectDetectionRecipe | ClassificationRecipe;

/** What classes are called in the answer: the id of class index i is `ids[i]`; indices beyond are left out. */
export type ClassIds = readonly number[];

/** One output `[n, rows, 6]`: x1, y1, x2, y2, score, class index. */
export type RowsRecipe = {
  readonly kind: 'rows';
  readonly output: string;
  readonly boxUnits: BoxUnits;
  readonly classIds: ClassIds;
  /** Overlap (IoU) above which the weaker of two boxes of one class goes; `null`: the graph has seen to it. */
  readonly nms: number | null;
};

/** A YOLO head: `[n, 4 + objectness + classes + more, anchors]`, or with the last two axes the other way round (`channelsLast`): centre x, centre y, width, height,
 * a score for each class; then, for segmentation, coefficients of its mask, for poses x, y, (visibility) of each keypoint. */
export type YoloRecipe = {
  readonly kind: 'yolo';
  readonly output: string;
  readonly channelsLast: boolean;
  readonly objectness: boolean;
  /** Of boxes and keypoints; of the graph's input. Normalised in Ultralytics' exports of RT-DETR, pixels in the others. */
  readonly boxUnits: BoxUnits;
  readonly classIds: ClassIds;
  readonly nms: number | null;
  /** `[n, coefficients, h, w]`; `null`: no masks. */
  readonly prototypes: string | null;
  /** `null`: no keypoints. */
  readonly keypoints: { readonly count: number; readonly scored: boolean } | null;
};

export type BoxUnits = 'pixels' | 'normalized';

/** Boxes and scores in outputs of their own (SSD, RT-DETR and DETR exports, Object Detection API graphs without their own post-processing). */
export type BoxesRecipe = {
  readonly kind: 'boxes';
  /** `[n, rows, 4]`. */
  readonly boxes: string;
  readonly boxFormat: 'yxyx' | 'xyxy' | 'cxcywh';
  /** Of the graph's input. */
  readonly boxUnits: BoxUnits;
  /** `[n, rows, classes]`, or `[n, rows]` with `classes`. */
  readonly scores: string;
  readonly activation: 'none' | 'sigmoid' | 'softmax';
  /** `[n, rows]`, class indices; `null`: the best of the scores. */
  readonly classes: string | null;
  /** `[n]` or `[n, 1]`, rows that count; `null`: all. */
  readonly count: string | null;
  /** Index of the class that means nothing is there; `null`: there is none. It has no id in `classIds` either: those count the others. */
  readonly background: number | null;
  readonly classIds: ClassIds;
  readonly nms: number | null;
};

/** A graph that answers as the Object Detection API does: boxes yMin, xMin, yMax, xMax normalised to its input, ids of classes, best first. Names are those of the graph's outputs. */
export type ObjectDetectionRecipe = {
  readonly kind: 'object-detection';
  /** `[n, rows, 4]`. */
  readonly boxes: string;
  /** `[n, rows]`, ids. */
  readonly classes: string;
  /** `[n, rows]`. */
  readonly scores: string;
  /** `[n]`, rows that count. */
  readonly count: string;
  /** `[n, rows, h, w]` in [0, 1], relative to the box; `null`: no masks. */
  readonly masks: string | null;
  /** `[n, rows, k, 2]`, y and x normalised, and `[n, rows, k]`; `null`: no keypoints, or none of their scores. */
  readonly keypoints: { readonly points: string; readonly scores: string | null } | null;
};

/** One output `[n, classes]` (or `[n, classes, 1, 1]`). The answer is `probabilities` `[n, classes]`. */
export type ClassificationRecipe = { readonly kind: 'classification'; readonly output: string; readonly activation: 'none' | 'sigmoid' | 'softmax' };

/** Rows of the answer for one picture, as Object Detection API models have them. */
export const MAX_DETECTIONS = 100;
/** Grey around a letterboxed picture. */
export const LETTERBOX_GREY = 114;
