/**
 * Writes the corpora of `fuzz/corpus` anew: inputs that are right, for fuzzers to make wrong. Run it with
 * `node -C dllama-source --import tsx scripts/fuzz-seeds.mjs` after a change of a format.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { stateDictionary } from "../packages/converter/test/synthetic/pickle.ts";
import { writeZip } from "../packages/converter/test/synthetic/zip.ts";
import { encodeGgufHeader } from "../packages/core/src/gguf/encode-header.ts";
import {
  float as field,
  integer,
  sentencePieceModel,
} from "../packages/core/test/support/sentencepiece-bytes.ts";
import { BYTE_PIECES, NORMAL } from "../packages/core/test/support/sentencepiece-bytes.ts";
import { float, size, text, tinyLlama } from "../packages/core/test/support/tiny-llama.ts";
import { recordSession, splitFrames } from "./lib/hostile/recording.mjs";
import { root } from "./lib/workspace.mjs";

const MAIN = join(root, "packages/cli/dist/main.js");

function seed(target, name, bytes) {
  const folder = join(root, "fuzz/corpus", target);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), bytes);
}

function ggufs() {
  const { metadata, tensors } = tinyLlama();
  const names = ["<unk>", "<s>", "</s>", "\u2581", "a", "b", "ab", "\u2581a"];
  const pieces = Array.from({ length: 40 }, (_, id) => names[id] ?? `piece ${id}`);
  const types = pieces.map((_, id) => [2, 3, 3][id] ?? 1);
  const array = (of, value) => ({ type: "array", of, value });
  metadata.set("tokenizer.ggml.model", text("llama"));
  metadata.set("tokenizer.ggml.tokens", array("string", pieces));
  metadata.set(
    "tokenizer.ggml.scores",
    array(
      "float32",
      Float32Array.from(pieces, (_, id) => -id),
    ),
  );
  metadata.set("tokenizer.ggml.token_type", array("int32", Int32Array.from(types)));
  metadata.set("tokenizer.ggml.add_bos_token", { type: "bool", value: true });
  const header = () => encodeGgufHeader({ metadata, tensors: [...tensors.values()] }).header;
  seed("gguf", "f32", header());
  for (const tensor of tensors.values()) if (tensor.shape.length === 2) tensor.type = "q40";
  tensors.delete("output");
  metadata.set("llama.rope.scaling.type", text("linear"));
  metadata.set("llama.rope.scaling.factor", float(4));
  metadata.set("general.alignment", size(64));
  metadata.set("general.notes", array("uint64", BigUint64Array.of(1n, 2n ** 60n)));
  seed("gguf", "q40-tied-aligned", header());
}

function tokenizers() {
  const pieces = [
    ["\u2581", -1, NORMAL],
    ["a", -2, NORMAL],
    ["b", -3, NORMAL],
    ["ab", -4, NORMAL],
  ];
  seed("tokenizer", "pieces.model", sentencePieceModel({ pieces }));
  const trainer = [integer(3, 2), integer(35, 1), field(10, 0.5)];
  seed(
    "tokenizer",
    "bytes.model",
    sentencePieceModel({ pieces: [...BYTE_PIECES, ...pieces], trainer }),
  );
  seed("tokenizer", "llama2c.bin", readFileSync(join(root, "fixtures/tok512.bin")));
}

async function checkpoints() {
  const tensor = { name: "a.weight", storage: "HalfStorage", key: "0", nValues: 12, shape: [3, 4] };
  const other = {
    ...tensor,
    name: "b",
    storage: "BFloat16Storage",
    key: "1",
    shape: [6],
    offset: 6,
  };
  const dictionary = stateDictionary([tensor, other]);
  seed("pickle", "two-tensors", dictionary);
  const folder = mkdtempSync(join(tmpdir(), "dllama-seeds-"));
  for (const zip64 of [false, true]) {
    const path = join(folder, "part.pth");
    const entries = [
      { name: "part/data.pkl", data: dictionary },
      { name: "part/byteorder", data: Buffer.from("little") },
      { name: "part/data/0", data: Buffer.alloc(24, 1) },
      { name: "part/data/1", data: Buffer.alloc(24, 2) },
    ];
    await writeZip(path, entries, zip64);
    seed("torch", zip64 ? "zip64" : "zip", readFileSync(path));
  }
  rmSync(folder, { recursive: true });
  seed("params", "stories260K", readFileSync(join(root, "fixtures/stories260K/meta/params.json")));
  const llama2 = {
    dim: 4096,
    multiple_of: 256,
    n_heads: 32,
    n_layers: 32,
    norm_eps: 1e-5,
    vocab_size: -1,
  };
  const more = { n_kv_heads: 8, ffn_dim_multiplier: 1.3, rope_theta: 1e6, max_seq_len: 2048 };
  seed("params", "llama", JSON.stringify({ ...llama2, ...more }));
}

/** The Rust targets' inputs, out of what a root and a worker say. */
async function traffic() {
  const worker = spawn(process.execPath, [
    MAIN,
    "worker",
    "--port",
    "0",
    "--insecure",
    "--no-cache",
  ]);
  const folder = mkdtempSync(join(tmpdir(), "dllama-seeds-"));
  try {
    const [line] = await once(worker.stdout, "data");
    const address = String(line).trim().split(" ").at(-1);
    for (const way of ["direct", "scattered"]) {
      takeApart(way, await recordSession(address, folder, way));
    }
  } finally {
    worker.kill();
    rmSync(folder, { recursive: true });
  }
}

const HELLO_BYTES = 44;
const REPLY_BYTES = 16;
/** An empty message behind the hello, and the verdict behind the reply, each with two bytes of length. */
const KNOCK_BYTES = 2;
const VERDICT_BYTES = 3;
const REPORT_BYTES = 3;
const CONTROL = 3;
/** Of the control messages (crates/engine/src/roles/messages.rs). */
const CORPORA = { 1: "program", 4: "rows", 9: "plan" };
const PROGRAM = 1;
const ACCEPTED = 2;
const LOADED = 3;
const REPAIR = 13;

function takeApart(way, { toWorker, toRoot }) {
  const { start, frames } = splitFrames(toWorker);
  seed("hello", "root", toWorker.subarray(0, HELLO_BYTES));
  seed("reply", "accepted", toRoot.subarray(0, REPLY_BYTES));
  const report = REPLY_BYTES + VERDICT_BYTES;
  const oneWorker = Buffer.of(1);
  seed(
    "setup",
    "addresses",
    Buffer.concat([oneWorker, toWorker.subarray(HELLO_BYTES + KNOCK_BYTES, start)]),
  );
  seed(
    "setup",
    "report",
    Buffer.concat([oneWorker, toRoot.subarray(report, report + REPORT_BYTES)]),
  );
  const sequence = toWorker.subarray(start + 4, start + 8);
  seed("frame_header", "plan", Buffer.concat([sequence, toWorker.subarray(start, start + 16)]));
  for (const frame of frames) {
    const corpus = frame.kind === CONTROL ? CORPORA[frame.tag] : undefined;
    if (corpus !== undefined) seed(corpus, `${frame.payload.length}-bytes`, frame.payload);
  }
  const [first] = frames;
  seed("frame_text", "first", Buffer.concat([Buffer.of(first.kind, first.tag), first.payload]));
  seed("session", way, Buffer.concat(frames.map(pack)));
  const answers = splitFrames(toRoot, report + REPORT_BYTES).frames;
  const accepted = answers.findIndex((frame) => frame.kind === CONTROL && frame.tag === ACCEPTED);
  seed("transfer", way, Buffer.concat(answers.slice(accepted + 1).map(pack)));
  const [sources] = answers.slice(accepted + 1);
  const control = (tag, ...payload) => ({ kind: CONTROL, tag, payload: Buffer.from(payload) });
  const repair = [sources, control(REPAIR, 0, 0, 0, 0, 5, 0, 0, 0), control(LOADED)];
  seed("transfer", "repair", Buffer.concat(repair.map(pack)));
  const program = frames.find((frame) => frame.kind === CONTROL && frame.tag === PROGRAM);
  writeFileSync(join(root, "fuzz/targets/support/program.json"), program.payload);
  // A control message, whatever the four calls are.
  const calls = Buffer.of(0, 1, 3, 5);
  seed("frames", "control", Buffer.concat([calls, toWorker.subarray(start, start + 16 + 41)]));
  const reason = Buffer.from("ENDEDthe worker is being closed");
  seed("abort", "closed", Buffer.concat([Buffer.of(255, 255, 255, 255, 5, 0), reason]));
}

/** As the target `session` reads it: the weights are zeros, which it can make itself. */
function pack({ kind, tag, payload }) {
  const isFill =
    payload.length > 0 && payload.length % 16 === 0 && payload.every((byte) => byte === tag);
  const length = Buffer.alloc(2);
  length.writeUInt16LE(isFill ? 0x8000 | (payload.length / 16) : payload.length);
  return Buffer.concat([Buffer.of(kind, tag), length, isFill ? Buffer.alloc(0) : payload]);
}

/** One of each short message, as `message` in `crates/engine/src/fuzzing.rs` reads them: its tag, a number, it. */
function messages() {
  const message = (name, tag, n, ...parts) =>
    seed("message", name, Buffer.concat([Buffer.of(tag, n, 0), ...parts.map(Buffer.from)]));
  const u32s = (...values) => new Uint8Array(Uint32Array.from(values).buffer);
  const f64s = (...values) => new Uint8Array(Float64Array.from(values).buffer);
  message("hashes", 10, 2, Buffer.alloc(2 * 32, 7));
  message("sources", 11, 4, u32s(99, 0), [0, 1, 2, 3]);
  message("ready", 12, 0, u32s(99, 0));
  message("repair", 13, 7, u32s(0, 5, 6));
  message("device", 20, 0, u32s(4, 4, 2 ** 31, 1));
  message("rates", 21, 0, f64s(5e9, 4e10));
  message("times", 25, 0, Buffer.alloc(2 * 10 * 8 + 6 * 4, 1));
  message("digest", 6, 0, Buffer.alloc(16, 5));
  message("measure", 8, 0, u32s(512, 8));
  // Candidates of 3 ranks, the second of which has no part of the vocabulary: 3 places each.
  const record = (n, logSumExp, id) => {
    const bytes = Buffer.alloc(8 + 3 * 8);
    bytes.writeUInt32LE(n, 0);
    bytes.writeFloatLE(logSumExp, 4);
    bytes.writeUInt32LE(id, 8);
    bytes.writeFloatLE(0.5, 12);
    return bytes;
  };
  message("candidates", 4, 3, record(1, 1, 4), record(0, -Infinity, 0), record(1, 2, 8));
  // Without the checksum, which the target adds.
  const head = Buffer.concat([Buffer.from("dllamaH1"), Buffer.of(1, 0, 0, 0)]);
  seed("kept_hashes", "one", Buffer.concat([head, Buffer.alloc(61, 3)]));
}

ggufs();
tokenizers();
messages();
await traffic();
await checkpoints();
