/** A model's tensors, each asked for by name and shape, so that none is missing or left over. */

import { DllamaError } from "../errors.ts";
import type { GgufFile, GgufTensor } from "../gguf/gguf-file.ts";
import type { FloatType } from "../program/generated/FloatType.ts";
import type { Weight } from "../program/generated/Weight.ts";
import { quoted } from "../gguf/quoted.ts";
import { TYPES_HINT } from "../gguf/tensor-types.ts";

/** A matrix or vector of the model that the engine can compute with. */
export interface ModelTensor extends GgufTensor {
  type: FloatType;
  rows: number;
  cols: number;
}

const FLOAT_TYPES: readonly string[] = ["f32", "f16", "q40", "q80"] satisfies FloatType[];

export class ModelTensors {
  readonly #file: GgufFile;
  readonly #taken = new Set<string>();

  constructor(file: GgufFile) {
    this.#file = file;
  }

  has(name: string): boolean {
    return this.#file.tensors.has(name);
  }

  /** A (rows, cols) matrix. */
  matrix(name: string, rows: number, cols: number): ModelTensor {
    return this.#take(name, [rows, cols], rows, cols);
  }

  /** A vector of `n` values, always F32. */
  vector(name: string, n: number): ModelTensor {
    const tensor = this.#take(name, [n], 1, n);
    if (tensor.type !== "f32") {
      throw this.#unsupported(`expected ${name} as f32, got ${tensor.type}`);
    }
    return tensor;
  }

  /** Marks a tensor as known that no forward needs. */
  ignore(name: string): void {
    this.#taken.add(name);
  }

  /** Bytes of all tensors taken. */
  get nBytes(): number {
    return [...this.#taken].reduce(
      (sum, name) => sum + (this.#file.tensors.get(name)?.nBytes ?? 0),
      0,
    );
  }

  /** @throws DllamaError MODEL_UNSUPPORTED if there is a tensor that nobody asked for: it would be left out. */
  requireAllTaken(): void {
    const left = [...this.#file.tensors.keys()].find((name) => !this.#taken.has(name));
    if (left !== undefined) {
      throw this.#unsupported(`expected no tensor ${quoted(left)} in this architecture, got one`);
    }
  }

  #take(name: string, shape: number[], rows: number, cols: number): ModelTensor {
    const { path } = this.#file;
    const tensor = this.#file.tensors.get(name);
    if (tensor === undefined) {
      const message = `${path}: the weights ${name}, which this architecture has, are missing`;
      throw new DllamaError("MODEL_MALFORMED", message, { hint: DAMAGED });
    }
    if (tensor.shape.join() !== shape.join()) {
      const got = tensor.shape.join(" x ");
      const message = `${path}: expected ${name} of ${shape.join(" x ")} by the metadata, got ${got}`;
      throw new DllamaError("MODEL_MALFORMED", message, { hint: DAMAGED });
    }
    if (!isFloatType(tensor.type)) {
      throw this.#unsupported(
        `expected ${name} as F32, F16, Q8_0 or Q4_0, got ${tensor.type}`,
        TYPES_HINT,
      );
    }
    this.#taken.add(name);
    return { ...tensor, type: tensor.type, rows, cols };
  }

  #unsupported(message: string, hint = OTHER_FAMILY): DllamaError {
    return new DllamaError("MODEL_UNSUPPORTED", `${this.#file.path}: ${message}`, { hint });
  }
}

const OTHER_FAMILY = "Dense models of the Llama family (Llama 2, TinyLlama, ...) run.";
const DAMAGED = "The file is damaged or not of this architecture: convert or download it again.";

function isFloatType(type: string): type is FloatType {
  return FLOAT_TYPES.includes(type);
}

/** A rank's rows `first` to `first + n` of a matrix, with all columns (column parallel), or all of it. */
export function rowSlice(tensor: ModelTensor, first = 0, n = tensor.rows): Weight {
  return slice(tensor, { firstRow: first, rows: n, firstCol: 0, cols: tensor.cols });
}

/** A rank's columns of a matrix, with all rows (row parallel). */
export function columnSlice(tensor: ModelTensor, first: number, n: number): Weight {
  return slice(tensor, { firstRow: 0, rows: tensor.rows, firstCol: first, cols: n });
}

function slice(
  { name, type, offset, rows, cols }: ModelTensor,
  part: { firstRow: number; rows: number; firstCol: number; cols: number },
): Weight {
  const { firstRow, firstCol } = part;
  const source = { offset, rows, cols, firstRow, firstCol };
  return { name, floatType: type, rows: part.rows, cols: part.cols, source };
}
