/** Which sources are measured. */

import { execFileSync } from "node:child_process";

import { root } from "../workspace.mjs";

/** The commit's short name, with `-dirty` for changed sources; `unknown` outside a clone. */
export function commitName() {
  const args = ["-C", root, "describe", "--always", "--dirty", "--exclude=*"];
  try {
    return execFileSync("git", args, {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch {
    return "unknown";
  }
}
