/** Shapes of models that are known by name, for measurements: Meta's params.json, with a vocabulary. */

import type { LlamaParams } from "../sources/meta/params.ts";

type Shape = Omit<LlamaParams, "headDim" | "contextLength"> & { readonly contextLength: number };

const LLAMA_2 = { vocabSize: 32_000, normEps: 1e-5, ropeTheta: 10_000, contextLength: 4096 };

/** A new shape is an entry. */
export const SHAPES = {
  /** Of no model: small enough for tests, and wide enough that all its matrices are quantised. */
  tiny: {
    ...LLAMA_2,
    dim: 256,
    hiddenDim: 768,
    nLayers: 4,
    nHeads: 8,
    nKvHeads: 4,
    vocabSize: 512,
    contextLength: 512,
  },
  "tinyllama-1.1b": {
    ...LLAMA_2,
    dim: 2048,
    hiddenDim: 5632,
    nLayers: 22,
    nHeads: 32,
    nKvHeads: 4,
    contextLength: 2048,
  },
  "llama2-7b": {
    ...LLAMA_2,
    dim: 4096,
    hiddenDim: 11_008,
    nLayers: 32,
    nHeads: 32,
    nKvHeads: 32,
  },
  /** Llama 2 7B's layers, eight of its 32: as fast a layer in a quarter of the memory. */
  "llama2-7b-8-layers": {
    ...LLAMA_2,
    dim: 4096,
    hiddenDim: 11_008,
    nLayers: 8,
    nHeads: 32,
    nKvHeads: 32,
  },
  "llama2-13b": {
    ...LLAMA_2,
    dim: 5120,
    hiddenDim: 13_824,
    nLayers: 40,
    nHeads: 40,
    nKvHeads: 40,
  },
  "llama3-8b": {
    dim: 4096,
    hiddenDim: 14_336,
    nLayers: 32,
    nHeads: 32,
    nKvHeads: 8,
    vocabSize: 128_256,
    normEps: 1e-5,
    ropeTheta: 500_000,
    contextLength: 8192,
  },
} as const satisfies Record<string, Shape>;

export type ShapeName = keyof typeof SHAPES;

/** The parameters of a shape, with room for at least `contextLength` positions. */
export function shapeParams(name: ShapeName, contextLength = 0): Required<LlamaParams> & Shape {
  const shape: Shape = SHAPES[name];
  return {
    ...shape,
    headDim: shape.dim / shape.nHeads,
    contextLength: Math.max(shape.contextLength, contextLength),
  };
}
