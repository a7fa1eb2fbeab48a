/** The tensor directory of a GGUF header, and the proof that its tensors lie apart and within the file. */
import { DllamaError } from "../errors.ts";
import { alignUp, MAX_DIMENSIONS } from "./gguf-file.ts";
import type { GgufTensor } from "./gguf-file.ts";
import type { HeaderReader } from "./header-reader.ts";
import { tensorBytes, tensorTypeOfId, TYPES_HINT } from "./tensor-types.ts";
import { quoted } from "./quoted.ts";

/** ggml itself allows 63; names in use have up to 50. */
const MAX_NAME_BYTES = 255;

/** Types that llama.cpp has taken back: Q4_0 in another order, for one processor each. */
const RETIRED = new Map([
  [31, " (Q4_0_4_4, which llama.cpp does not read any more either)"],
  [32, " (Q4_0_4_8, which llama.cpp does not read any more either)"],
  [33, " (Q4_0_8_8, which llama.cpp does not read any more either)"],
]);

/** Reads the directory. The weights begin behind it, at the next multiple of the alignment. */
export async function readTensors(
  reader: HeaderReader,
  count: number,
  alignment: number,
): Promise<Map<string, GgufTensor>> {
  const tensors = new Map<string, GgufTensor>();
  for (let i = 0; i < count; i++) {
    if (reader.slice.isOver) await reader.slice.next();
    reader.part = `tensor ${i} of ${count}`;
    const tensor = await readTensor(reader, alignment);
    if (tensors.has(tensor.name)) {
      throw reader.malformed("expected every tensor once, got this one twice");
    }
    tensors.set(tensor.name, tensor);
  }
  const dataStart = alignUp(reader.position, alignment);
  for (const tensor of tensors.values()) tensor.offset += dataStart;
  checkPlaces(reader, tensors);
  return tensors;
}

/** One entry. Its offset is still from the beginning of the weights. */
async function readTensor(reader: HeaderReader, alignment: number): Promise<GgufTensor> {
  const name = await reader.string("a tensor's name", MAX_NAME_BYTES);
  reader.part = `tensor ${quoted(name)}`;
  const shape = await readShape(reader);
  const id = await reader.uint32();
  const type = tensorTypeOfId(id);
  if (type === undefined) {
    throw new DllamaError(
      "MODEL_UNSUPPORTED",
      `${reader.path}: ${reader.part} has the type ${id}${RETIRED.get(id) ?? ", which dllama does not know"}`,
      { hint: TYPES_HINT },
    );
  }
  const offset = await reader.size("an offset");
  if (offset % alignment !== 0) {
    throw reader.malformed(`expected an offset that is a multiple of ${alignment}, got ${offset}`);
  }
  const nBytes = tensorBytes(type, shape);
  if (typeof nBytes === "string") throw reader.malformed(nBytes);
  return { name, type, shape, offset, nBytes };
}

async function readShape(reader: HeaderReader): Promise<number[]> {
  const nDimensions = await reader.uint32();
  if (nDimensions < 1 || nDimensions > MAX_DIMENSIONS) {
    throw reader.malformed(`expected 1 to ${MAX_DIMENSIONS} dimensions, got ${nDimensions}`);
  }
  const shape: number[] = [];
  for (let i = 0; i < nDimensions; i++) shape.unshift(await reader.size("a dimension"));
  return shape;
}

function checkPlaces(reader: HeaderReader, tensors: Map<string, GgufTensor>): void {
  let previous: GgufTensor | undefined;
  for (const tensor of Array.from(tensors.values()).toSorted((a, b) => a.offset - b.offset)) {
    reader.part = `tensor ${quoted(tensor.name)}`;
    if (previous !== undefined && tensor.offset < previous.offset + previous.nBytes) {
      throw reader.malformed(
        `expected weights of its own, got bytes of ${quoted(previous.name)} at ${tensor.offset}`,
      );
    }
    if (tensor.offset + tensor.nBytes > reader.nBytes) {
      const end = tensor.offset + tensor.nBytes;
      throw reader.malformed(
        `expected its weights to end at byte ${end}, got the end of the file at ${reader.nBytes}`,
      );
    }
    previous = tensor;
  }
}
