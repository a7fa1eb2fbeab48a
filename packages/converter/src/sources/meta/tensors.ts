/**
 * The tensors of Meta's Llama: their names there and in GGUF, their whole shapes, and the axis
 * along which the parts of a checkpoint cut them (llama/model.py: ColumnParallelLinear cuts
 * output features, RowParallelLinear and ParallelEmbedding input features).
 *
 * GGUF's architecture `llama` keeps Meta's order of the rows of `wq` and `wk` (RoPE turns
 * neighbouring pairs), so every tensor is written as it is.
 */

import type { LlamaParams } from "./params.ts";

export interface MetaTensor {
  /** In GGUF. */
  readonly name: string;
  /** In Meta's checkpoint. */
  readonly sourceName: string;
  /** Row-major: [rows, columns] or [values]. */
  readonly shape: readonly number[];
  /** Undefined: every part has all of it. */
  readonly cutAxis: 0 | 1 | undefined;
}

/** In the order in which they are written. */
export function metaTensors(params: LlamaParams, vocabSize: number): MetaTensor[] {
  const { dim, nLayers } = params;
  return [
    tensor("token_embd", "tok_embeddings", [vocabSize, dim], 1),
    ...Array.from({ length: nLayers }, (_, layer) => layerTensors(params, layer)).flat(),
    tensor("output_norm", "norm", [dim]),
    tensor("output", "output", [vocabSize, dim], 0),
  ];
}

function layerTensors(params: LlamaParams, layer: number): MetaTensor[] {
  const { dim, hiddenDim, headDim, nKvHeads } = params;
  const kvDim = headDim * nKvHeads;
  const to = `blk.${layer}`;
  const from = `layers.${layer}`;
  return [
    tensor(`${to}.attn_norm`, `${from}.attention_norm`, [dim]),
    tensor(`${to}.attn_q`, `${from}.attention.wq`, [dim, dim], 0),
    tensor(`${to}.attn_k`, `${from}.attention.wk`, [kvDim, dim], 0),
    tensor(`${to}.attn_v`, `${from}.attention.wv`, [kvDim, dim], 0),
    tensor(`${to}.attn_output`, `${from}.attention.wo`, [dim, dim], 1),
    tensor(`${to}.ffn_norm`, `${from}.ffn_norm`, [dim]),
    tensor(`${to}.ffn_gate`, `${from}.feed_forward.w1`, [hiddenDim, dim], 0),
    tensor(`${to}.ffn_up`, `${from}.feed_forward.w3`, [hiddenDim, dim], 0),
    tensor(`${to}.ffn_down`, `${from}.feed_forward.w2`, [dim, hiddenDim], 1),
  ];
}

function tensor(
  name: string,
  sourceName: string,
  shape: readonly number[],
  cutAxis?: 0 | 1,
): MetaTensor {
  return { name: `${name}.weight`, sourceName: `${sourceName}.weight`, shape, cutAxis };
}
