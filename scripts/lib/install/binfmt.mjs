/** Has the kernel run arm64 programs by qemu, also those that an arm64 program starts. */

import { execFileSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";

const FOLDER = "/proc/sys/fs/binfmt_misc";
const NAME = "dllama-aarch64";
/** The interpreter is opened now (flag F), so that it need not be in the root file system. */
const INTERPRETER = "/usr/bin/qemu-aarch64-static";

/** The beginning of an ELF file for aarch64, executable or shared, and which of its bits count. */
const MAGIC = String.raw`\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00`;
const MASK = String.raw`\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff`;

/** What this machine lacks for it; undefined if nothing. */
export function missingArm64() {
  return existsSync(INTERPRETER) ? undefined : `needs ${INTERPRETER} (qemu-user-static)`;
}

/** Registers qemu for as long as this process runs, unless somebody has. */
export function runArm64Programs() {
  if (!existsSync(`${FOLDER}/register`)) {
    execFileSync("mount", ["-t", "binfmt_misc", "binfmt_misc", FOLDER]);
  }
  if (existsSync(`${FOLDER}/qemu-aarch64`) || existsSync(`${FOLDER}/${NAME}`)) return;
  writeFileSync(`${FOLDER}/register`, `:${NAME}:M::${MAGIC}:${MASK}:${INTERPRETER}:F`);
  process.once("exit", () => writeFileSync(`${FOLDER}/${NAME}`, "-1"));
}
