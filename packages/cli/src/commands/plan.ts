/** `dllama plan`: memory, traffic and time of a model on devices that need not be there. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Device, Link, ModelPlan } from "@dllama/core";
import { defineCommand } from "citty";
import type { ParsedFlags } from "../args/command-spec.ts";
import { parse } from "../args/parse.ts";
import { planSpec } from "../args/plan.ts";
import { UsageError } from "../args/usage-error.ts";
import { EXIT_FAILED } from "../output/failure.ts";
import { setVerbosity } from "../output/log.ts";
import { planWriters } from "../output/model-plan/formats.ts";
import { orAborted, untilStopped } from "../stop.ts";
import { withTemporaryFolder } from "../temporary-folder.ts";

type Flags = ParsedFlags<typeof planSpec>;

export { planSpec as spec } from "../args/plan.ts";

export const command = defineCommand({
  run({ rawArgs }) {
    const { flags } = parse(planSpec, rawArgs);
    setVerbosity(flags);
    requireSubject(flags);
    return untilStopped((signal) => plan(flags, signal));
  },
});

async function plan(flags: Flags, signal: AbortSignal): Promise<number> {
  const devices = await orAborted(readDevices(flags.devices), signal);
  const link = await findLink(flags.link);
  const planned = await withModel(flags, (path) =>
    orAborted(planFor(path, flags, devices, link), signal),
  );
  const { model = null, shape = null } = flags;
  const subject = { model, shape, link, ...types(flags) };
  process.stdout.write(planWriters[flags.format](subject, planned));
  return planned.shortage === undefined ? 0 : EXIT_FAILED;
}

function requireSubject({ model, shape, "weights-float-type": type, devices }: Flags): void {
  if ((model === undefined) === (shape === undefined)) {
    const what = model === undefined ? "no model" : "--model and --shape exclude each other";
    throw new UsageError(what, "Give --model FILE or --shape SHAPE.");
  }
  if (model !== undefined && type !== undefined) {
    throw new UsageError("--weights-float-type goes with --shape", "A file has its own.");
  }
  if (devices.length > 0) return;
  throw new UsageError("--devices is missing", "Name the boards: --devices pi4,pi4,pi5.");
}

async function readDevices(names: readonly string[]): Promise<Device[]> {
  const { BOARDS, boardByName, devicesFromJson } = await import("@dllama/core");
  const [first = ""] = names;
  if (names.length === 1 && boardByName(first) === undefined) {
    const isPath = /[./\\]/.test(first);
    if (isPath) return devicesFromJson(await readDeviceFile(first), first);
  }
  return names.map((name) => {
    const board = boardByName(name);
    if (board !== undefined) return board;
    throw new UsageError(
      `--devices knows no board ${JSON.stringify(name)}`,
      `Boards: ${BOARDS.map((known) => known.name).join(", ")}, with another memory pi4:8gib. Others go to a JSON file: --devices FILE.json.`,
    );
  });
}

async function readDeviceFile(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    const { unreadable } = await import("./unreadable.ts");
    const hint = "Give a JSON file of devices, or boards such as pi4,pi4,pi5.";
    throw unreadable(`--devices: cannot read ${path}`, cause, hint);
  }
}

async function findLink(text: string): Promise<Link> {
  const { readLink } = await import("@dllama/core");
  const link = readLink(text);
  if (link !== undefined) return link;
  throw new UsageError(
    `--link expects 1gbit, 100mbit, wifi or RATE,LATENCY such as 250mbit,0.8ms, got ${JSON.stringify(text)}`,
    "Another network is two figures: --link 2.5gbit,0.1ms.",
  );
}

/** A shape's header is written to a file that takes no room, because models are read from files. */
async function withModel<T>({ model, shape, ...flags }: Flags, use: (path: string) => Promise<T>) {
  if (shape === undefined) return use(model ?? "");
  const { writeSparseModel } = await import("@dllama/converter");
  return withTemporaryFolder(async (folder) => {
    const path = join(folder, `${shape}.gguf`);
    const type = flags["weights-float-type"] ?? "q40";
    const contextLength = flags["max-seq-len"];
    await writeSparseModel(path, { shape, type, contextLength, isComputedWith: false });
    return use(path);
  });
}

async function planFor(
  path: string,
  flags: Flags,
  devices: Device[],
  link: Link,
): Promise<ModelPlan> {
  const { planModel } = await import("@dllama/core");
  return planModel({
    path,
    devices,
    link,
    split: flags.split,
    maxSeqLen: flags["max-seq-len"],
    depth: flags.depth,
    allReduce: flags["all-reduce"],
    ...types(flags),
  });
}

function types(flags: Flags) {
  return { bufferFloatType: flags["buffer-float-type"], kvCacheType: flags["kv-cache-type"] };
}
