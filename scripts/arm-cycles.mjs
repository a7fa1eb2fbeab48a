/**
 * Estimates how many cycles Arm's inner loops take for a block of Q40 weights, with llvm-mca:
 *
 *   node scripts/arm-cycles.mjs
 *
 * Needs the arm64 toolchain of `scripts/test-neon.sh` and llvm-mca (Debian: llvm). The loops are those of the
 * optimised kernels, found in the compiler's assembly; the estimate takes all loads from the first-level cache.
 */

import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { root } from "./lib/workspace.mjs";

const TARGET = "aarch64-unknown-linux-gnu";

/**
 * A loop is known by the function it is in and by how often it has the instruction. `blocks`: products of a Q40
 * block with a token row in an iteration.
 */
const KERNELS = [
  {
    name: "NEON, 1 row",
    mangled: "4neon3q40",
    instruction: /^sm(?:ull|lal)2?$/u,
    times: 16,
    blocks: 4,
    cpu: "cortex-a72",
    attributes: "+neon",
  },
  {
    name: "NEON, 4 rows",
    mangled: "4neon3q40",
    instruction: /^sm(?:ull|lal)2?$/u,
    times: 64,
    blocks: 16,
    cpu: "cortex-a72",
    attributes: "+neon",
  },
  {
    name: "dotprod, 1 row",
    mangled: "7dotprod3q40",
    instruction: /^sdot$/u,
    times: 8,
    blocks: 4,
    cpu: "cortex-a76",
    attributes: "+dotprod",
  },
  {
    name: "i8mm, panel",
    mangled: "4i8mm5panel",
    instruction: /^smmla$/u,
    times: 32,
    blocks: 32,
    cpu: "neoverse-n1",
    attributes: "+i8mm,+dotprod",
  },
];

const ITERATIONS = 200;

const folder = mkdtempSync(join(tmpdir(), "dllama-arm-cycles-"));
try {
  const lines = assembly(folder).split("\n");
  console.log("kernel          model        instructions  cycles a block and row");
  for (const kernel of KERNELS) {
    const loop = findLoop(lines, kernel);
    const cycles = (cyclesOf(loop, kernel) / kernel.blocks).toFixed(1);
    const count = String(loop.length).padStart(12);
    console.log(
      `${kernel.name.padEnd(15)} ${kernel.cpu.padEnd(12)} ${count}  ${cycles.padStart(22)}`,
    );
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function assembly(targetFolder) {
  const cargo = [
    "rustc",
    "--quiet",
    "--release",
    "--package",
    "dllama-kernels",
    "--lib",
    "--target",
    TARGET,
  ];
  execFileSync("cargo", [...cargo, "--", "--emit", "asm", "-C", "codegen-units=1"], {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, CARGO_TARGET_DIR: targetFolder },
  });
  const output = join(targetFolder, TARGET, "release/deps");
  const file = readdirSync(output).find((name) => name.endsWith(".s"));
  return readFileSync(join(output, file), "utf8");
}

/** Instructions of the kernel's loop; a slow path beside it calls something. */
function findLoop(lines, { name, mangled, instruction, times }) {
  let inside = false;
  let labels = new Map();
  for (const [index, line] of lines.entries()) {
    const symbol = /^(_[\w.$]+):/u.exec(line);
    const label = /^(\.LBB\w+):/u.exec(line);
    const target = branchTarget(line);
    if (symbol) {
      inside = symbol[1].includes(mangled);
      labels = new Map();
    } else if (label) {
      labels.set(label[1], index);
    } else if (inside && labels.has(target)) {
      const first = labels.get(target) + 1;
      const isInnermost = !lines
        .slice(first, index)
        .some((inner) => (labels.get(branchTarget(inner)) ?? 0) >= first);
      const loop = lines.slice(first, index + 1).filter((text) => /^\s+[a-z]/u.test(text));
      const mnemonics = loop.map((text) => text.trim().split(/\s/u)[0]);
      const found = mnemonics.filter((text) => instruction.test(text)).length;
      if (isInnermost && found === times && !mnemonics.includes("bl")) return loop;
    }
  }
  throw new Error(`no loop of ${name} was found: did the kernel change?`);
}

function branchTarget(line) {
  return /^\s+(?:b|b\.\w+|cbn?z|tbn?z)\s.*?(\.LBB\w+)/u.exec(line)?.[1];
}

function cyclesOf(loop, { cpu, attributes }) {
  const flags = [
    "-march=aarch64",
    `-mcpu=${cpu}`,
    `-mattr=${attributes}`,
    `-iterations=${ITERATIONS}`,
  ];
  const output = execFileSync("llvm-mca", flags, {
    // Branches are predicted, and llvm-mca knows no labels.
    input: `${loop.filter((line) => branchTarget(line) === undefined).join("\n")}\n`,
    encoding: "utf8",
    stdio: ["pipe", "pipe", "inherit"],
  });
  return Number(/Total Cycles:\s+(\d+)/u.exec(output)[1]) / ITERATIONS;
}
