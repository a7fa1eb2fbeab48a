/** The reader of pickles: it reads what torch writes, and refuses everything else by name. */

import { test } from "uvu";
import * as assert from "uvu/assert";
import { DllamaError } from "@dllama/core";
import { readStateDictionary } from "../src/torch/pickle.ts";
import { assertRejects } from "./errors.ts";
import {
  global,
  integer,
  op,
  stateDictionary,
  tensorValue,
  text,
  tuple,
} from "./synthetic/pickle.ts";
import type { PickledTensor } from "./synthetic/pickle.ts";

const read = (...pieces: Buffer[]) => readStateDictionary(Buffer.concat(pieces), "part.pth");
const refuse = (pieces: Buffer[], ...parts: string[]) =>
  assertRejects(async () => read(...pieces), "CHECKPOINT_MALFORMED", "part.pth", ...parts);

const tensor: PickledTensor = {
  name: "a.weight",
  storage: "HalfStorage",
  key: "0",
  nValues: 12,
  shape: [3, 4],
};

test("a dictionary of tensors", () => {
  const second = { ...tensor, name: "b", storage: "FloatStorage", offset: 4, shape: [8] };
  const tensors = read(stateDictionary([tensor, second]));
  assert.equal([...tensors.keys()], ["a.weight", "b"]);
  assert.equal(tensors.get("a.weight")?.shape, [3, 4]);
  assert.is(tensors.get("a.weight")?.storage.type, "f16");
  assert.is(tensors.get("b")?.storage.type, "f32");
  assert.is(tensors.get("b")?.offset, 4);
});

test("an OrderedDict of parameters with attributes, under protocol 4", () => {
  const short = (value: string) =>
    Buffer.concat([Buffer.of(0x8c, value.length), Buffer.from(value)]);
  const memoize = Buffer.of(0x94);
  const newTrue = Buffer.of(0x88);
  const none = Buffer.of(0x4e);
  const rebuild = [short("torch._utils"), short("_rebuild_parameter"), op.stackGlobal, memoize];
  const parameter = [...rebuild, tuple(tensorValue(tensor), newTrue, none), op.reduce];
  const orderedDict = [short("collections"), short("OrderedDict"), op.stackGlobal];
  const metadata = [op.emptyDict, op.mark, text("_metadata"), op.emptyDict, op.setItems, op.build];
  const tensors = read(
    Buffer.concat([Buffer.of(0x80, 4, 0x95), Buffer.alloc(8)]), // PROTO, FRAME
    Buffer.concat([...orderedDict, op.emptyTuple, op.reduce]),
    Buffer.concat([op.mark, text("a.weight"), ...parameter, op.setItems]),
    Buffer.concat([...metadata, op.stop]),
  );
  assert.equal(tensors.get("a.weight")?.shape, [3, 4]);
});

const command = tuple(text("touch /tmp/dllama-was-here"));
const attacks: [string, Buffer[]][] = [
  ["os.system", [op.proto, global("os", "system"), command, op.reduce, op.stop]],
  ["posix.system", [text("posix"), text("system"), op.stackGlobal, command, op.reduce, op.stop]],
  ["os.system", [Buffer.from("(ios\nsystem\n.")]],
  ["os.system", [Buffer.from("cos\nsystem\n(S'true'\ntR.")]],
  ["__builtin__.getattr", [global("__builtin__", "getattr")]],
  ["torch.load", [global("torch", "load")]],
  ["torch.DoubleStorage", [global("torch", "DoubleStorage")]],
  [
    "torch._utils._rebuild_tensor_v2.__globals__",
    [global("torch._utils", "_rebuild_tensor_v2.__globals__")],
  ],
  ["toString.constructor", [global("toString", "constructor")]],
];
for (const [name, pieces] of attacks) {
  test(`refused by name: ${name}`, async () => {
    await refuse(pieces, "refused", JSON.stringify(name));
  });
}

const anyInstance = [op.mark, Buffer.from("icollections\nOrderedDict\n")];
const malformed: [string, Buffer[], string][] = [
  ["empty", [], "cut short"],
  ["no dictionary", [integer(1), op.stop], "no dictionary"],
  [
    "a dictionary of numbers",
    [op.emptyDict, text("a"), integer(1), Buffer.from("s.")],
    "a is no tensor",
  ],
  ["an empty stack", [op.stop], "missing on the stack"],
  ["no mark", [op.tuple], "mark is missing"],
  ["an unset memo", [Buffer.from("h\x07")], "memo 7"],
  ["protocol 9", [Buffer.of(0x80, 9)], "protocol 9"],
  [
    "a key that is no text",
    [op.emptyDict, integer(1), integer(1), Buffer.from("s")],
    "text as its key",
  ],
  ["an odd item", [op.emptyDict, op.mark, text("a"), op.setItems], "text as its key"],
  ["the same key twice", [stateDictionary([tensor, tensor])], "two values for a.weight"],
  ["items for a number", [integer(1), op.mark, op.setItems], "no dictionary"],
  ["attributes for a number", [integer(1), op.emptyDict, op.build], "no dictionary"],
  ["a call of a number", [integer(1), op.emptyTuple, op.reduce], "no function"],
  [
    "a call of a storage class",
    [global("torch", "HalfStorage"), op.emptyTuple, op.reduce],
    "no function",
  ],
  [
    "an OrderedDict of arguments",
    [global("collections", "OrderedDict"), tuple(integer(1)), op.reduce],
    "OrderedDict",
  ],
  ["an instance of an allowed name", anyInstance, "instance"],
  ["a name that is a number", [integer(1), text("x"), op.stackGlobal], "text was expected"],
  ["an endless name", [Buffer.from("cos")], "without an end"],
  ["a long text", [text("x".repeat(1025))], "1025 bytes"],
  ["a text that is not UTF-8", [Buffer.of(0x8c, 1, 0xff)], "UTF-8"],
  ["an absurd integer", [integer(2 ** 62)], "absurd"],
  ["an integer of 9 bytes", [Buffer.of(0x8a, 9)], "9 bytes"],
  ["a storage without an id", [integer(1), op.persistentId], "persistent id"],
  [
    "a storage of another class",
    [tuple(text("storage"), text("x"), text("0"), text("cpu"), integer(1)), op.persistentId],
    "persistent id",
  ],
  [
    "a tensor of nothing",
    [global("torch._utils", "_rebuild_tensor_v2"), op.emptyTuple, op.reduce],
    "a tensor whose",
  ],
  [
    "a parameter of nothing",
    [global("torch._utils", "_rebuild_parameter"), op.emptyTuple, op.reduce],
    "_rebuild_parameter",
  ],
  ["a negative size", [stateDictionary([{ ...tensor, shape: [-3, -4] }])], "a tensor whose"],
  [
    "nine dimensions",
    [stateDictionary([{ ...tensor, shape: Array<number>(9).fill(1) }])],
    "a tensor whose",
  ],
  ["beyond its storage", [stateDictionary([{ ...tensor, offset: 1 }])], "does not fit"],
];
for (const [name, pieces, message] of malformed) {
  test(`malformed: ${name}`, async () => {
    await refuse(pieces, message);
  });
}

test("strides that are not row-major", async () => {
  const transposed = { ...tensor, shape: [4, 3], strides: [1, 4] };
  await assertRejects(
    async () => read(stateDictionary([transposed])),
    "CHECKPOINT_UNSUPPORTED",
    "[4, 3]",
    "[1, 4]",
  );
  const single = { ...tensor, shape: [1, 12], strides: [99, 1] }; // no step is made along an axis of 1
  assert.equal(read(stateDictionary([single])).get("a.weight")?.shape, [1, 12]);
});

test("a bomb of opcodes ends", async () => {
  await refuse([Buffer.alloc(600_000, ")")], "500000 pickle opcodes");
  await refuse([Buffer.alloc(600_000, "(")], "500000 pickle opcodes");
});

test("deep nesting is no recursion", async () => {
  await refuse([op.emptyTuple, Buffer.alloc(400_000, 0x85), op.stop], "no dictionary");
});

test("cut anywhere, or with any byte changed, it is read or refused", () => {
  const pickle = stateDictionary([tensor, { ...tensor, name: "b" }]);
  const attempt = (bytes: Buffer) => {
    try {
      read(bytes);
      return true;
    } catch (error) {
      assert.instance(error, DllamaError);
      return false;
    }
  };
  for (let end = 0; end < pickle.length; end += 1) {
    assert.not(attempt(pickle.subarray(0, end)), `cut at ${end}`);
  }
  let nRefused = 0;
  for (let at = 0; at < pickle.length; at += 1) {
    for (const change of [0x01, 0x80, 0xff, 0x28]) {
      const changed = Buffer.from(pickle);
      changed[at] = (changed[at] ?? 0) ^ change;
      if (!attempt(changed)) nRefused += 1;
    }
  }
  assert.ok(nRefused > pickle.length, `${nRefused} of ${4 * pickle.length} changes were noticed`);
});

test.run();
