/** Writes pickles of protocol 2, as torch does, and worse ones. */

export interface PickledTensor {
  name: string;
  /** For example "BFloat16Storage". */
  storage: string;
  /** Name of the storage's entry in the archive. */
  key: string;
  /** Size of the storage, in values. */
  nValues: number;
  /** In values from the start of the storage. Defaults to 0. */
  offset?: number;
  shape: readonly number[];
  /** Defaults to those of a row-major tensor. */
  strides?: readonly number[];
}

export const op = {
  proto: Buffer.of(0x80, 2),
  mark: Buffer.from("("),
  tuple: Buffer.from("t"),
  emptyTuple: Buffer.from(")"),
  emptyDict: Buffer.from("}"),
  setItems: Buffer.from("u"),
  reduce: Buffer.from("R"),
  build: Buffer.from("b"),
  persistentId: Buffer.from("Q"),
  newFalse: Buffer.of(0x89),
  stackGlobal: Buffer.of(0x93),
  stop: Buffer.from("."),
};

export function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  const size = Buffer.alloc(4);
  size.writeUInt32LE(bytes.length);
  return Buffer.concat([Buffer.from("X"), size, bytes]);
}

/** LONG1, whatever the size: torch uses it for what exceeds an int32. */
export function integer(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt(value));
  return Buffer.concat([Buffer.of(0x8a, 8), bytes]);
}

export function global(module: string, name: string): Buffer {
  return Buffer.from(`c${module}\n${name}\n`);
}

export function tuple(...values: Buffer[]): Buffer {
  return Buffer.concat([op.mark, ...values, op.tuple]);
}

export function rowMajorStrides(shape: readonly number[]): number[] {
  return shape.map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1));
}

export function tensorValue(tensor: PickledTensor): Buffer {
  const { storage, key, nValues, offset = 0, shape, strides = rowMajorStrides(shape) } = tensor;
  const id = tuple(
    text("storage"),
    global("torch", storage),
    text(key),
    text("cpu"),
    integer(nValues),
  );
  return Buffer.concat([
    global("torch._utils", "_rebuild_tensor_v2"),
    tuple(
      Buffer.concat([id, op.persistentId]),
      integer(offset),
      tuple(...shape.map(integer)),
      tuple(...strides.map(integer)),
      op.newFalse,
      Buffer.concat([global("collections", "OrderedDict"), op.emptyTuple, op.reduce]),
    ),
    op.reduce,
  ]);
}

export function stateDictionary(tensors: readonly PickledTensor[]): Buffer {
  const items = tensors.flatMap((tensor) => [text(tensor.name), tensorValue(tensor)]);
  return Buffer.concat([op.proto, op.emptyDict, op.mark, ...items, op.setItems, op.stop]);
}
