/** How the bytes 0 to 255 of a picture become the numbers of a float input.
 * - `none`: as they are, 0 to 255
 * - `zero-to-one`: divided by 255
 * - `minus-one-to-one`: divided by 127.5, less 1
 * - `imagenet`: divided by 255, less ImageNet's mean of the channel, divided by its standard deviation */
export type Normalization = 'none' | 'zero-to-one' | 'minus-one-to-one' | 'imagenet';

/** What a user says of a model that its signature does not. */
export type ModelWishes = {
  readonly input: InputWishes;
  /** `null`: what the outputs mean is recognised from the signature. */
  readonly output: OutputMapping | null;
};

/** `normalization` `null`: by the kind of model, 0 to 255 for the Object Detection API, else 0 to 1. */
export type InputWishes = { readonly normalization: Normalization | null };

/** What the outputs of a model mean. */
export type OutputMapping = BoxesMapping | YoloMapping | ClassificationMapping;

export type BoxFormat = 'yxyx' | 'xyxy' | 'cxcywh';
export type BoxUnits = 'normalized' | 'pixels';

/** Boxes with their scores, one row an object. */
export type BoxesMapping = {
  readonly kind: 'boxes';
  /** Name of the output `[n, m, 4]`. */
  readonly boxes: string;
  readonly boxFormat: BoxFormat;
  /** Of the picture that the model is given. */
  readonly boxUnits: BoxUnits;
  /** Name of the output `[n, m]` or, a score for each class, `[n, m, c]`. */
  readonly scores: string;
  /** Name of the output `[n, m]`; `null`: from the scores. */
  readonly classes: string | null;
  /** Name of the output `[n]` that says how many of the m rows count; `null`: all. */
  readonly count: string | null;
  /** Added to a class of the model to get its id in the label map; `null`: 0 for classes of an output of their own, else as `LabelMap.classAt`. */
  readonly classOffset: number | null;
  /** Overlap (IoU) above which the weaker of two boxes of one class goes; `null`: the model has seen to it. */
  readonly nms: number | null;
};

/** A raw YOLO head, or the rows that are left of it after its own suppression. */
export type YoloMapping = {
  readonly kind: 'yolo';
  /** `null`: the only output. */
  readonly output: string | null;
  /** Whether a row has a score of its own before those of the classes, as YOLOv5; `null`: when it has 85 values. */
  readonly objectness: boolean | null;
  /** Classes; values behind their scores (mask coefficients, keypoints) are passed over. `null`: all that a row holds. */
  readonly classCount: number | null;
  /** As in {@link BoxesMapping}; `null`: as `LabelMap.classAt`. */
  readonly classOffset: number | null;
  /** As in {@link BoxesMapping}; `null`: 0.7. */
  readonly nms: number | null;
};

/** One score for each class. */
export type ClassificationMapping = {
  readonly kind: 'classification';
  /** `null`: the only output. */
  readonly output: string | null;
  /** Most classes that a frame is given; `null`: 5. */
  readonly topK: number | null;
  /** `null`: logits when one of them is no probability. */
  readonly scoreType: 'probabilities' | 'logits' | null;
  readonly classOffset: number | null;
};

export const NO_WISHES: ModelWishes = { input: { normalization: null }, output: null };
