import type { InputRecipe, OutputRecipe, Recipe } from '../../model-server/store/recipe.js';

const RESIZES = { letterbox: 'the whole picture on grey', stretch: 'the picture stretched', none: 'pictures of any size' } as const;

/** How pictures become what a graph takes, and its answers those of the servable; a line each. */
export function describeRecipe({ input, output }: Recipe): readonly string[] {
  return [`input ${input.name}: ${describeInput(input)}`, describeOutput(output)];
}

function describeInput({ size, resize, channels, layout, dtype, mean, deviation, batchSize }: InputRecipe): string {
  const place = resize === 'none' ? RESIZES.none : `${RESIZES[resize]}, ${String(size.widthPx)}x${String(size.heightPx)}`;
  const isPlain = mean.every((value) => value === 0) && deviation.every((value) => value === 1);
  const values = isPlain ? '0 to 255' : `(byte - [${mean.map(shortened).join(', ')}]) / [${deviation.map(shortened).join(', ')}]`;
  return `${place}, ${channels.toUpperCase()}${layout === 'nchw' ? ', channels first' : ''}, ${dtype} ${values}, ${batchSize === null ? 'any number at once' : `${String(batchSize)} at once`}`;
}

function describeOutput(output: OutputRecipe): string {
  switch (output.kind) {
    case 'rows':
      return `output ${output.output}: rows of box, score and class in ${output.boxUnits}${suppression(output.nms)}`;
    case 'yolo': {
      const extras = [output.prototypes === null ? null : `masks by ${output.prototypes}`, output.keypoints === null ? null : `${String(output.keypoints.count)} keypoints`].filter((extra) => extra !== null);
      return `output ${output.output}: YOLO head, ${String(output.classIds.length)} classes${extras.map((extra) => `, ${extra}`).join('')}${suppression(output.nms)}`;
    }
    case 'boxes':
      return `outputs ${output.boxes}: boxes ${output.boxFormat} in ${output.boxUnits}, ${output.scores}: scores (${output.activation})${output.classes === null ? '' : `, ${output.classes}: classes`}${suppression(output.nms)}`;
    case 'object-detection':
      return `outputs as of the Object Detection API${output.masks === null ? '' : ', masks'}${output.keypoints === null ? '' : ', keypoints'}`;
    case 'classification':
      return `output ${output.output}: a score for each class${output.activation === 'none' ? '' : ` (${output.activation})`}`;
  }
}

function suppression(nms: number | null): string {
  return nms === null ? '' : `, overlaps above ${String(nms)} suppressed`;
}

function shortened(value: number): string {
  return String(Number(value.toPrecision(5)));
}
