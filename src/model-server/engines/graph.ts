/** A tensor in ordinary memory. */
export type GraphTensor = { readonly shape: readonly number[]; readonly data: Float32Array };

/** A loaded graph; who loads it closes it. */
export interface Graph {
  /** Names and shapes as the graph declares them; -1 or a missing shape: unknown. */
  readonly inputs: readonly { readonly name: string; readonly dtype: string; readonly shape: readonly number[] | null }[];
  readonly outputNames: readonly string[];
  /** Computes outputs. Leaves no tensor behind, whatever happens. Names may be the graph's own or those of its signature. */
  run(inputName: string, input: GraphTensor, outputNames: readonly string[]): Promise<GraphTensor[]>;
  /** Idempotent. */
  close(): void;
}
