/** A plan for people: a line a device, then what a token takes. */

import type { ModelPlan, RankPlan } from "@dllama/core";
import { tableRow, titleRow } from "../columns.ts";
import type { Columns } from "../columns.ts";
import { escapeLine, shortened } from "../escape.ts";
import { formatBytes } from "../units.ts";
import type { PlanSubject } from "./plan-writer.ts";

const COLUMNS: Columns = [
  ["rank", 4],
  ["  device", -16],
  ["part", 7],
  ["memory", 12],
  ["of", 12],
  ["mapped", 12],
  ["reads", 12],
  ["computes", 11],
  ["sent", 11],
  ["received", 11],
];

/** A file of devices may call them anything. */
const MAX_NAME = 40;

export function planTable(subject: PlanSubject, plan: ModelPlan): string {
  const { ranks, token, best, shortage, split } = plan;
  const total = split.reduce((sum, weight) => sum + weight, 0);
  const rows = ranks.map((rank, index) => rankRow(rank, index, (split[index] ?? 0) / total));
  const lines = [
    heading(subject, plan),
    splitText(plan),
    "",
    titleRow(COLUMNS),
    ...rows,
    "",
    `a token: ${milliseconds(token.totalMs)}, ${rate(1000 / token.totalMs)} tokens/s`,
    `  ${timeParts(plan)}`,
    ...(best === undefined
      ? []
      : [`  with the best split ${best.split.join()}: ${milliseconds(best.token.totalMs)}`]),
    `a long prompt: ${rate(plan.prefillTokensPerSecond)} tokens/s`,
  ];
  if (token.diskMs > 0) {
    lines.push(
      "warning: rank 0 has no room for the weights that it maps, and reads them from its disk for every " +
        "token; a shorter --max-seq-len, more memory or another device spares that",
    );
  }
  if (shortage !== undefined) {
    lines.push(`does not fit: ${shortage.message}`);
    lines.push(`what would make it fit: ${shortage.advice.join("; or ")}`);
  }
  return `${lines.map(escapeLine).join("\n")}\n`;
}

function heading(
  { model, shape, link, ...types }: PlanSubject,
  { seqLen, ranks }: ModelPlan,
): string {
  const subject = shape === null ? (model ?? "") : `model of shape ${shape}`;
  return (
    `${subject}; ${ranks.length} rank${ranks.length === 1 ? "" : "s"}, ${seqLen} positions, ` +
    `${types.bufferFloatType} buffers, ${types.kvCacheType} KV cache; ` +
    `link ${link.name}: ${(link.bytesPerSecond / 1e6).toFixed(1)} MB/s, ${link.latencyMs} ms${link.isShared ? ", shared" : ""}`
  );
}

function splitText({ split, isBest, scatteredFromBytes, ranks }: ModelPlan): string {
  const how = isBest ? "the best one" : "as asked for";
  if (ranks.length === 1) return "one device has all";
  const way =
    scatteredFromBytes === null ? "direct" : `direct, scattered from ${scatteredFromBytes} bytes`;
  return `split ${split.join()} (${how}); all-reduce ${scatteredFromBytes === 0 ? "scattered" : way}`;
}

function rankRow(rank: RankPlan, index: number, part: number): string {
  const { device, memory, lackBytes, readBytes, computeMs, sentBytes, receivedBytes } = rank;
  return tableRow(COLUMNS, [
    index.toString(),
    `  ${escapeLine(shortened(device.name, MAX_NAME))}`,
    `${(part * 100).toFixed(1)}%`,
    formatBytes(memory.totalBytes) + (lackBytes > 0 ? "!" : ""),
    formatBytes(device.ramBytes),
    formatBytes(memory.mappedBytes),
    formatBytes(readBytes),
    milliseconds(computeMs),
    `${(sentBytes / 1024).toFixed(1)} kB`,
    `${(receivedBytes / 1024).toFixed(1)} kB`,
  ]);
}

function timeParts({ token }: ModelPlan): string {
  const parts: [string, number][] = [
    ["memory", token.memoryMs],
    ["arithmetic", token.arithmeticMs],
    ["wire", token.wireMs],
    ["latency", token.latencyMs],
  ];
  if (token.diskMs > 0) parts.push(["disk", token.diskMs]);
  return parts.map(([name, ms]) => `${name} ${milliseconds(ms)}`).join(", ");
}

function milliseconds(ms: number): string {
  return `${ms.toFixed(ms < 100 ? 1 : 0)} ms`;
}

function rate(value: number): string {
  return value.toFixed(value < 10 ? 2 : 1);
}
