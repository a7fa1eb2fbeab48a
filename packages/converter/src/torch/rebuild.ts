/** What the few callables of a pickled state dictionary give, with their arguments checked. */

import { DllamaError } from "@dllama/core";
import type { PickleBytes } from "./pickle-bytes.ts";
import { Storage, StorageClass, TensorView, Tuple } from "./pickle-values.ts";
import type { Callable, PickleValue } from "./pickle-values.ts";

/** More dimensions than any tensor of a language model has. */
const MAX_DIMENSIONS = 8;

export function call(bytes: PickleBytes, { name }: Callable, { values }: Tuple): PickleValue {
  if (name === "_rebuild_tensor_v2") return rebuildTensor(bytes, values);
  const [data] = values;
  if (name === "_rebuild_parameter" && data instanceof TensorView) return data;
  if (name === "OrderedDict" && values.length === 0) return new Map();
  throw bytes.malformed(`wrong arguments of ${name}`);
}

/** `id`: ("storage", storage class, key, device, number of values), as torch saves it. */
export function storageFromId(bytes: PickleBytes, id: PickleValue): Storage {
  const [kind, storageClass, key, , nValues] = id instanceof Tuple ? id.values : [];
  const isStorage = kind === "storage" && storageClass instanceof StorageClass;
  if (!isStorage || typeof key !== "string" || !isSize(nValues)) {
    throw bytes.malformed("a persistent id that does not name a storage, its key and its size");
  }
  return new Storage(key, storageClass.type, nValues);
}

/** (storage, offset, shape, strides, requires_grad, hooks, ...); sizes count values. */
function rebuildTensor(bytes: PickleBytes, args: readonly PickleValue[]): TensorView {
  const [storage, offset] = args;
  const shape = sizesOf(args[2]);
  const strides = sizesOf(args[3]);
  if (!(storage instanceof Storage) || !isSize(offset) || !shape || !strides) {
    throw bytes.malformed("a tensor whose storage, offset, shape or strides are wrong");
  }
  if (!isRowMajor(shape, strides)) {
    throw new DllamaError(
      "CHECKPOINT_UNSUPPORTED",
      `${bytes.label}: a tensor of shape [${shape.join(", ")}] has the strides ` +
        `[${strides.join(", ")}]; only row-major tensors without gaps can be read`,
      { hint: "Save it again in PyTorch with .contiguous()." },
    );
  }
  const nValues = shape.reduce((product, size) => product * size, 1);
  if (offset + nValues > storage.nValues) {
    throw bytes.malformed(
      `a tensor of shape [${shape.join(", ")}] at value ${offset} does not fit its storage ` +
        `of ${storage.nValues} values`,
    );
  }
  return new TensorView(storage, offset, shape);
}

/** An axis of size 1 may have any stride: no step is ever made along it. */
function isRowMajor(shape: readonly number[], strides: readonly number[]): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis -= 1) {
    const size = shape[axis] ?? 0;
    if (size > 1 && strides[axis] !== expected) return false;
    expected *= size;
  }
  return true;
}

function isSize(value: PickleValue | undefined): value is number {
  return typeof value === "number" && value >= 0;
}

function sizesOf(value: PickleValue | undefined): readonly number[] | undefined {
  if (!(value instanceof Tuple) || value.values.length > MAX_DIMENSIONS) return undefined;
  const sizes = value.values.filter(isSize);
  return sizes.length === value.values.length ? sizes : undefined;
}
