/** A Program as text, stable, for people and for snapshot tests: a changed op shows in review. */

import type { Op } from "./generated/Op.ts";
import type { Program } from "./generated/Program.ts";

export function dumpProgram(program: Program): string {
  const { weights, buffers, ropes, kvCaches, steps, ...header } = program;
  const lines = [JSON.stringify(header)];
  for (const { name, floatType, rows, cols, source } of weights) {
    const from = `of ${source.rows}x${source.cols} at (${source.firstRow}, ${source.firstCol})`;
    lines.push(`weight ${name} ${floatType} ${rows}x${cols} ${from}`);
  }
  for (const { name, width, rows } of buffers) lines.push(`buffer ${name} ${rows}x${width}`);
  for (const { style, frequencies } of ropes) {
    lines.push(`rope ${style} ${frequencies.map((f) => f.toPrecision(6)).join(" ")}`);
  }
  for (const [index, { nKvHeads, headDim }] of kvCaches.entries()) {
    lines.push(`cache ${index} ${nKvHeads}x${headDim}`);
  }
  for (const { layer, op } of steps) {
    lines.push(`${layer === null ? "" : `${layer}: `}${describe(op, program)}`);
  }
  return `${lines.join("\n")}\n`;
}

/** `kind field=value ...`, with names in place of indices. */
function describe({ kind, ...fields }: Op, program: Program): string {
  const buffer = (index: number): string => program.buffers[index]?.name ?? `?${index}`;
  const weight = (index: number): string => program.weights[index]?.name ?? `?${index}`;
  const text = Object.entries(fields).map(([name, value]) => {
    if (name === "weight") return `weight=${value === null ? "none" : weight(value)}`;
    if (name === "products") {
      const products: { weight: number; out: number }[] = value;
      return products
        .map((product) => `${buffer(product.out)}<-${weight(product.weight)}`)
        .join(" ");
    }
    if (name === "buffers") return `buffers=${value.map(buffer).join(",")}`;
    return `${name}=${BUFFER_FIELDS.has(name) ? buffer(value) : String(value)}`;
  });
  return [kind, ...text].join(" ");
}

const BUFFER_FIELDS = new Set(["input", "out", "q", "k", "v", "gate", "up", "into", "logits"]);
