/** Ids between 1 and 90 that COCO's label map leaves out. */
const UNUSED_IDS: ReadonlySet<number> = new Set([12, 26, 29, 30, 45, 66, 68, 69, 71, 83]);
const HIGHEST_ID = 90;

/** Object Detection API class ids of the 80 COCO classes in their order: index 0 (person) is 1, index 79 (toothbrush) is 90.
 * @see mscoco_label_map.pbtxt of the TensorFlow Object Detection API */
export const COCO_IDS: readonly number[] = Array.from({ length: HIGHEST_ID }, (_, index) => index + 1).filter((id) => !UNUSED_IDS.has(id));
