/**
 * Converts a checkpoint: reads chunks of rows, converts several at once on libuv's threads, writes
 * them in order. What is in memory is bounded by the chunks in flight, whatever the model.
 */

import { availableParallelism } from "node:os";
import { convertFloats } from "@dllama/bindings";
import { DllamaError } from "@dllama/core";
import type { ErrorCode } from "@dllama/core";
import type { ConversionOptions } from "./options.ts";
import { OutputFile, checkTarget } from "./output-file.ts";
import type { PlannedTensor } from "./layout.ts";
import { planConversion } from "./plan.ts";
import type { ConversionPlan } from "./plan.ts";
import type { JoinedTensor } from "./sources/meta/joined-tensor.ts";
import { openMetaWeights } from "./sources/meta/weights.ts";

/** 2 to 4 MiB to read: long enough for a disk's best rate, short enough to hold many. */
const CHUNK_VALUES = 2 ** 20;
/** With 4 MiB to read and up to 8 MiB to make of it each, 200 MiB at most. */
const MAX_IN_FLIGHT = 16;

export interface ConversionProgress {
  /** Bytes of the model written so far, and in the end. */
  doneBytes: number;
  totalBytes: number;
}

export interface ConversionControl {
  onProgress?: ((progress: ConversionProgress) => void) | undefined;
  /** Aborting rejects with ABORTED and leaves no file behind. */
  signal?: AbortSignal | undefined;
}

/**
 * Writes the model that `planConversion(options)` describes, and returns that plan.
 *
 * @throws {DllamaError} what `planConversion` throws, and FILE_EXISTS, NO_SPACE,
 *   VALUE_OUT_OF_RANGE and NUMBER_NOT_FINITE (naming the tensor), ABORTED
 */
export async function convert(
  options: ConversionOptions,
  control: ConversionControl = {},
): Promise<ConversionPlan> {
  const force = options.force ?? false;
  const plan = await planConversion(options);
  const { outputPath: path, nBytes, inputs } = plan;
  await checkTarget({ path, nBytes, force, inputs });
  const weights = await openMetaWeights(plan.folder, plan.tensors);
  try {
    const output = await OutputFile.create(path);
    try {
      await writeModel(plan, weights.tensors, output, control);
      await output.publish(force);
    } catch (error) {
      await output.discard();
      throw error;
    }
  } finally {
    await weights.close();
  }
  return plan;
}

async function writeModel(
  plan: ConversionPlan,
  sources: readonly JoinedTensor[],
  output: OutputFile,
  { onProgress, signal }: ConversionControl,
): Promise<void> {
  const write = async (bytes: Uint8Array, offset: number) => {
    throwIfAborted(signal);
    await output.padTo(offset);
    await output.write(bytes);
    onProgress?.({ doneBytes: output.position, totalBytes: plan.nBytes });
  };
  await write(plan.header, 0);
  const inFlight: { bytes: Promise<Uint8Array>; offset: number }[] = [];
  const writeOldest = async () => {
    const oldest = inFlight.shift();
    if (oldest !== undefined) await write(await oldest.bytes, oldest.offset);
  };
  const limit = Math.min(availableParallelism() + 1, MAX_IN_FLIGHT);
  try {
    for (const chunk of chunksOf(plan.tensors, sources)) {
      if (inFlight.length === limit) await writeOldest();
      const bytes = convertChunk(chunk);
      bytes.catch(() => undefined); // an error is thrown when its turn comes to be written
      inFlight.push({ bytes, offset: offsetOf(chunk) });
    }
    while (inFlight.length > 0) await writeOldest();
    await output.padTo(plan.nBytes);
  } finally {
    // The parts' files must not be closed under a read.
    await Promise.allSettled(inFlight.map(({ bytes }) => bytes));
  }
}

interface Chunk {
  readonly tensor: PlannedTensor;
  readonly source: JoinedTensor;
  readonly firstRow: number;
  readonly nRows: number;
}

function* chunksOf(
  tensors: readonly PlannedTensor[],
  sources: readonly JoinedTensor[],
): Generator<Chunk> {
  for (const [n, source] of sources.entries()) {
    const tensor = tensors[n];
    if (tensor === undefined) throw new DllamaError("INTERNAL", "more sources than tensors");
    const rowsPerChunk = Math.max(1, Math.floor(CHUNK_VALUES / source.nCols));
    for (let firstRow = 0; firstRow < source.nRows; firstRow += rowsPerChunk) {
      const nRows = Math.min(rowsPerChunk, source.nRows - firstRow);
      yield { tensor, source, firstRow, nRows };
    }
  }
}

/** In bytes from the start of the model file. */
function offsetOf({ tensor, source, firstRow }: Chunk): number {
  return tensor.offset + firstRow * (tensor.nBytes / source.nRows);
}

async function convertChunk({ tensor, source, firstRow, nRows }: Chunk): Promise<Uint8Array> {
  const rows = await source.readRows(firstRow, nRows);
  try {
    return await convertFloats(rows, source.type, tensor.type);
  } catch (error) {
    throw conversionError(error, tensor, firstRow, source.nCols);
  }
}

const VALUE_ERRORS: readonly ErrorCode[] = ["VALUE_OUT_OF_RANGE", "NUMBER_NOT_FINITE"];

/** Says in which tensor, row and column a value does not fit. */
function conversionError(
  error: unknown,
  { name, sourceName, type }: PlannedTensor,
  firstRow: number,
  nCols: number,
): unknown {
  if (!(error instanceof Error && "code" in error && "index" in error)) return error;
  const code = VALUE_ERRORS.find((known) => known === error.code);
  if (code === undefined) return error;
  const index = Number(error.index);
  const row = firstRow + Math.floor(index / nCols);
  return new DllamaError(
    code,
    `${sourceName} (${name}) cannot be written as ${type}: row ${row}, column ${index % nCols}: ` +
      error.message,
    {
      hint:
        code === "VALUE_OUT_OF_RANGE"
          ? "Convert to f32, which holds every value."
          : "The checkpoint is damaged: fetch it again.",
      cause: error,
    },
  );
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return;
  throw new DllamaError("ABORTED", "the conversion was aborted; nothing is left of it", {
    cause: signal.reason,
  });
}
