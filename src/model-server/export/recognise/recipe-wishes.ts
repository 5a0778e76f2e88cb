import type { Size } from '../../../core/geometry.js';
import type { BoxesRecipe, BoxUnits, InputRecipe, OutputRecipe } from '../../store/recipe.js';

/** How the bytes 0 to 255 become the numbers of an input.
 * - `none`: as they are, 0 to 255
 * - `zero-to-one`: divided by 255
 * - `minus-one-to-one`: divided by 127.5, less 1
 * - `imagenet`: ImageNet's mean of each channel taken away, divided by its standard deviation */
export type Normalization = 'none' | 'zero-to-one' | 'minus-one-to-one' | 'imagenet';

type Triple = readonly [number, number, number];

/** What a user says of a graph that cannot be seen in it; whatever is `undefined` is recognised. */
export type RecipeWishes = {
  readonly kind?: OutputRecipe['kind'];
  /** For graphs that take pictures of several sizes. */
  readonly inputSize?: Size;
  readonly layout?: InputRecipe['layout'];
  readonly resize?: InputRecipe['resize'];
  readonly channels?: InputRecipe['channels'];
  readonly normalization?: Normalization;
  /** Goes before `normalization`, of bytes, in the graph's order of channels. */
  readonly mean?: Triple;
  /** As `mean`. */
  readonly deviation?: Triple;
  /** Names of the graph's outputs by what they are. */
  readonly outputs?: Partial<Readonly<Record<OutputRole, string>>>;
  readonly boxFormat?: BoxesRecipe['boxFormat'];
  readonly boxUnits?: BoxUnits;
  readonly activation?: BoxesRecipe['activation'];
  /** Index of the class that means nothing is there; `null`: there is none. */
  readonly background?: number | null;
  /** Whether rows of a YOLO head have a score of their own before those of the classes. */
  readonly objectness?: boolean;
  readonly keypoints?: { readonly count: number; readonly scored: boolean } | null;
  /** `null`: nothing is suppressed. */
  readonly nms?: number | null;
  /** Classes of a detector, the background not counted. */
  readonly classCount?: number;
  /** `coco90`: the 80 classes of COCO under their Object Detection API ids; else the id of each class. */
  readonly classIds?: 'coco90' | readonly number[];
  /** A label map: its ids, in order, are those of the classes. */
  readonly labels?: ReadonlyMap<number, string>;
};

/** `output`: the only one of rows, YOLO heads, classifiers. */
export type OutputRole = 'output' | 'boxes' | 'scores' | 'classes' | 'count' | 'prototypes' | 'masks' | 'keypoints' | 'keypointScores';

/** Options of `sightline model export` that messages name. */
export const WISH_OPTIONS = {
  kind: '--kind',
  inputSize: '--input-size',
  layout: '--layout',
  resize: '--resize',
  channels: '--channels',
  normalization: '--normalization',
  mean: '--mean',
  deviation: '--deviation',
  outputs: '--outputs',
  boxFormat: '--box-format',
  boxUnits: '--box-units',
  activation: '--activation',
  background: '--background',
  objectness: '--objectness',
  keypoints: '--keypoints',
  nms: '--nms',
  classCount: '--class-count',
  classIds: '--class-ids',
  labels: '--labels',
} as const satisfies Readonly<Record<keyof RecipeWishes, string>>;
