/** The only things that a pickled state dictionary may be built of. */

import type { SourceFloatType } from "../float-types.ts";

export type PickleValue =
  | null
  | boolean
  | number
  | string
  | Tuple
  | Map<string, PickleValue>
  | StorageClass
  | Callable
  | Storage
  | TensorView;

export class Tuple {
  readonly values: readonly PickleValue[];

  constructor(values: readonly PickleValue[]) {
    this.values = values;
  }
}

/** One of torch's names for a type of values. */
export class StorageClass {
  readonly type: SourceFloatType;

  constructor(type: SourceFloatType) {
    this.type = type;
  }
}

export class Callable {
  readonly name: "OrderedDict" | "_rebuild_tensor_v2" | "_rebuild_parameter";

  constructor(name: Callable["name"]) {
    this.name = name;
  }
}

/** A file of the archive that holds values: `data/KEY`. */
export class Storage {
  readonly key: string;
  readonly type: SourceFloatType;
  readonly nValues: number;

  constructor(key: string, type: SourceFloatType, nValues: number) {
    this.key = key;
    this.type = type;
    this.nValues = nValues;
  }
}

/** A tensor: a row-major window of a storage, from value `offset` on. */
export class TensorView {
  readonly storage: Storage;
  readonly offset: number;
  readonly shape: readonly number[];

  constructor(storage: Storage, offset: number, shape: readonly number[]) {
    this.storage = storage;
    this.offset = offset;
    this.shape = shape;
  }
}

/** Every name that a pickle may import. */
export const GLOBALS: ReadonlyMap<string, StorageClass | Callable> = new Map<
  string,
  StorageClass | Callable
>([
  ["torch.BFloat16Storage", new StorageClass("bf16")],
  ["torch.HalfStorage", new StorageClass("f16")],
  ["torch.FloatStorage", new StorageClass("f32")],
  ["collections.OrderedDict", new Callable("OrderedDict")],
  ["torch._utils._rebuild_tensor_v2", new Callable("_rebuild_tensor_v2")],
  ["torch._utils._rebuild_parameter", new Callable("_rebuild_parameter")],
]);
