/** Whether this machine can make network namespaces, and what to do where it cannot. */

import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";

import { CANNOT_RUN_HERE } from "../suites/outcome.mjs";

/** @returns {string | undefined} what is missing */
function missingForNamespaces() {
  if (process.platform !== "linux") return "network namespaces are Linux's";
  if (process.getuid() !== 0) return "making network namespaces needs root";
  if (!existsSync("/dev/net/tun")) return "there is no /dev/net/tun";
  for (const command of [
    ["ip", "-V"],
    ["tc", "-V"],
    ["unshare", "--net", "true"],
  ]) {
    try {
      execFileSync(command[0], command.slice(1), { stdio: "ignore" });
    } catch {
      return `\`${command.join(" ")}\` does not work (Debian: iproute2)`;
    }
  }
  return undefined;
}

/** Ends this script where namespaces cannot be made: with a failure if `REQUIRE_NETNS` or `CI` asks for them. */
export function requireNamespaces(script) {
  const missing = missingForNamespaces();
  if (missing === undefined) return;
  const by = ["REQUIRE_NETNS", "CI"].find((name) => process.env[name]);
  console.log(`${script}: ${by === undefined ? "skipped" : `${by} asks for it, but`}: ${missing}`);
  process.exit(by === undefined ? CANNOT_RUN_HERE : 1);
}
