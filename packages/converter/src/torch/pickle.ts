/**
 * Reads a pickled state dictionary, and nothing else.
 *
 * A pickle is a program for a stack machine that may import and call anything. This machine knows
 * the opcodes that torch writes for dictionaries of tensors; of the names that a pickle can import
 * it knows six, and refuses any other when it reads the name, before anything is built from it.
 * It is an own reader because the general ones build objects by the file's wish, and can be held
 * up for hours by a small file; here every opcode costs the same, and their number is capped.
 *
 * Opcodes: CPython's Lib/pickletools.py; what torch pickles: torch/serialization.py.
 */

import { PickleBytes } from "./pickle-bytes.ts";
import { Callable, GLOBALS, TensorView, Tuple } from "./pickle-values.ts";
import type { PickleValue } from "./pickle-values.ts";
import { call, storageFromId } from "./rebuild.ts";

/** A model of 1137 tensors, Llama's largest, takes under 100 thousand. */
const MAX_OPCODES = 500_000;
const MAX_PROTOCOL = 5;
const STOP = 0x2e;

/** Returns the tensors by name. `label` names the pickle in errors. */
export function readStateDictionary(bytes: Uint8Array, label: string): Map<string, TensorView> {
  const machine = new Machine(new PickleBytes(bytes, label));
  const value = machine.run();
  if (!(value instanceof Map)) throw machine.bytes.malformed("no dictionary of tensors");
  const tensors = new Map<string, TensorView>();
  for (const [name, tensor] of value) {
    if (!(tensor instanceof TensorView)) throw machine.bytes.malformed(`${name} is no tensor`);
    tensors.set(name, tensor);
  }
  return tensors;
}

class Machine {
  readonly bytes: PickleBytes;
  readonly #memo = new Map<number, PickleValue>();
  readonly #marked: PickleValue[][] = [];
  #stack: PickleValue[] = [];

  constructor(bytes: PickleBytes) {
    this.bytes = bytes;
  }

  run(): PickleValue {
    for (let n = 0; n < MAX_OPCODES; n += 1) {
      const opcode = this.bytes.uint8();
      if (opcode === STOP) return this.pop();
      const action = ACTIONS.get(opcode);
      if (action === undefined) {
        throw this.bytes.malformed(
          `the pickle opcode 0x${opcode.toString(16).padStart(2, "0")} has no place in a ` +
            "dictionary of tensors",
        );
      }
      action(this, this.bytes);
    }
    throw this.bytes.malformed(`more than ${MAX_OPCODES} pickle opcodes`);
  }

  push(value: PickleValue): void {
    this.#stack.push(value);
  }

  pop(): PickleValue {
    const value = this.#stack.pop();
    if (value === undefined) throw this.bytes.malformed("a value is missing on the stack");
    return value;
  }

  popText(): string {
    const value = this.pop();
    if (typeof value !== "string") throw this.bytes.malformed("a text was expected");
    return value;
  }

  mark(): void {
    this.#marked.push(this.#stack);
    this.#stack = [];
  }

  popToMark(): PickleValue[] {
    const values = this.#stack;
    const below = this.#marked.pop();
    if (below === undefined) throw this.bytes.malformed("a mark is missing on the stack");
    this.#stack = below;
    return values;
  }

  pushTuple(nValues: number): void {
    const values = Array.from({ length: nValues }, () => this.pop());
    this.push(new Tuple(values.toReversed()));
  }

  remember(index: number): void {
    const value = this.pop();
    this.#memo.set(index, value);
    this.push(value);
  }

  rememberNext(): void {
    this.remember(this.#memo.size);
  }

  recall(index: number): void {
    const value = this.#memo.get(index);
    if (value === undefined) throw this.bytes.malformed(`memo ${index} was never set`);
    this.push(value);
  }

  setItems(items: readonly PickleValue[]): void {
    const dictionary = this.pop();
    if (!(dictionary instanceof Map)) throw this.bytes.malformed("items for no dictionary");
    for (let n = 0; n < items.length; n += 2) {
      const [key, value] = [items[n], items[n + 1]];
      if (typeof key !== "string" || value === undefined) {
        throw this.bytes.malformed("a dictionary item without a text as its key");
      }
      if (dictionary.has(key)) throw this.bytes.malformed(`two values for ${key}`);
      dictionary.set(key, value);
    }
    this.push(dictionary);
  }

  pushGlobal(module: string, name: string): void {
    const full = `${module}.${name}`;
    const value = GLOBALS.get(full);
    if (value === undefined) {
      throw this.bytes.malformed(
        `refused: the pickle asks for ${JSON.stringify(full)}; float32, float16 and bfloat16 ` +
          "tensors in dictionaries need no such thing, and nothing was run",
      );
    }
    this.push(value);
  }

  reduce(): void {
    const args = this.pop();
    const callee = this.pop();
    if (!(callee instanceof Callable) || !(args instanceof Tuple)) {
      throw this.bytes.malformed("a call of something that is no function");
    }
    this.push(call(this.bytes, callee, args));
  }

  /** The attributes of an OrderedDict, torch's `_metadata`, say nothing about the tensors. */
  ignoreAttributes(): void {
    this.pop();
    const target = this.pop();
    if (!(target instanceof Map)) throw this.bytes.malformed("attributes for no dictionary");
    this.push(target);
  }
}

const ACTIONS: ReadonlyMap<number, (machine: Machine, bytes: PickleBytes) => void> = new Map([
  // PROTO, FRAME
  [0x80, (_, bytes) => checkProtocol(bytes)],
  [0x95, (_, bytes) => bytes.skip(8)],
  // NONE, NEWTRUE, NEWFALSE
  [0x4e, (machine) => machine.push(null)],
  [0x88, (machine) => machine.push(true)],
  [0x89, (machine) => machine.push(false)],
  // BININT, BININT1, BININT2, LONG1
  [0x4a, (machine, bytes) => machine.push(bytes.int32())],
  [0x4b, (machine, bytes) => machine.push(bytes.uint8())],
  [0x4d, (machine, bytes) => machine.push(bytes.uint16())],
  [0x8a, (machine, bytes) => machine.push(bytes.integer(bytes.uint8()))],
  // BINUNICODE, SHORT_BINUNICODE
  [0x58, (machine, bytes) => machine.push(bytes.text(bytes.uint32()))],
  [0x8c, (machine, bytes) => machine.push(bytes.text(bytes.uint8()))],
  // MARK, TUPLE, EMPTY_TUPLE, TUPLE1, TUPLE2, TUPLE3
  [0x28, (machine) => machine.mark()],
  [0x74, (machine) => machine.push(new Tuple(machine.popToMark()))],
  [0x29, (machine) => machine.push(new Tuple([]))],
  [0x85, (machine) => machine.pushTuple(1)],
  [0x86, (machine) => machine.pushTuple(2)],
  [0x87, (machine) => machine.pushTuple(3)],
  // EMPTY_DICT, SETITEM, SETITEMS, BUILD
  [0x7d, (machine) => machine.push(new Map())],
  [0x73, (machine) => setItem(machine)],
  [0x75, (machine) => machine.setItems(machine.popToMark())],
  [0x62, (machine) => machine.ignoreAttributes()],
  // BINPUT, LONG_BINPUT, MEMOIZE, BINGET, LONG_BINGET
  [0x71, (machine, bytes) => machine.remember(bytes.uint8())],
  [0x72, (machine, bytes) => machine.remember(bytes.uint32())],
  [0x94, (machine) => machine.rememberNext()],
  [0x68, (machine, bytes) => machine.recall(bytes.uint8())],
  [0x6a, (machine, bytes) => machine.recall(bytes.uint32())],
  // GLOBAL, STACK_GLOBAL, INST (refused in any case: a forbidden name is named)
  [0x63, (machine, bytes) => machine.pushGlobal(bytes.line(), bytes.line())],
  [0x93, (machine) => stackGlobal(machine)],
  [0x69, (machine, bytes) => instance(machine, bytes)],
  // REDUCE, BINPERSID
  [0x52, (machine) => machine.reduce()],
  [0x51, (machine, bytes) => machine.push(storageFromId(bytes, machine.pop()))],
]);

function checkProtocol(bytes: PickleBytes): void {
  const protocol = bytes.uint8();
  if (protocol > MAX_PROTOCOL) {
    throw bytes.malformed(`pickle protocol ${protocol}; at most ${MAX_PROTOCOL} was expected`);
  }
}

function setItem(machine: Machine): void {
  const value = machine.pop();
  const key = machine.pop();
  machine.setItems([key, value]);
}

function stackGlobal(machine: Machine): void {
  const name = machine.popText();
  machine.pushGlobal(machine.popText(), name);
}

function instance(machine: Machine, bytes: PickleBytes): never {
  machine.pushGlobal(bytes.line(), bytes.line());
  throw bytes.malformed("an instance of a class, which has no place in a dictionary of tensors");
}
