import { elementCount, NUMERIC_LAYOUTS, type Tensor } from '../../../src/serving/tensor.js';
import type { PreparedInputs } from '../../../src/detection/contract/prepare-inputs.js';

/** Turns tensors that are still to be written into such that lie in memory. */
export function materialize(inputs: PreparedInputs): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, input]): [string, Tensor] => {
      if (!('write' in input)) return [name, input];
      const { array, valuesPerElement } = NUMERIC_LAYOUTS[input.dtype];
      const values = (elementCount(input.shape) ?? 0) * valuesPerElement;
      const bytes = new Uint8Array(values * array.BYTES_PER_ELEMENT);
      input.write(bytes);
      return [name, { dtype: input.dtype, shape: input.shape, data: new array(bytes.buffer, 0, values) } as Tensor];
    }),
  );
}
