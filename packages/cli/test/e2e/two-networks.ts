/**
 * Two network namespaces with a router between them, which can stop passing anything on: what a cable that is
 * out in the middle or a device without power looks like to the other side. Nobody is told.
 */

import { execFileSync } from "node:child_process";

/** Why this machine cannot make namespaces; undefined if it can. */
export function missingForNamespaces(): string | undefined {
  if (process.platform !== "linux") return "network namespaces are Linux's";
  if (process.getuid?.() !== 0) return "making network namespaces needs root";
  try {
    execFileSync("ip", ["-V"], { stdio: "ignore" });
    execFileSync("unshare", ["--net", "true"], { stdio: "ignore" });
  } catch {
    return "`ip` or `unshare` does not work (Debian: iproute2)";
  }
  return undefined;
}

export class TwoNetworks {
  /** Addresses of the two ends. */
  readonly addresses = ["10.78.1.2", "10.78.2.2"] as const;
  readonly #router: string;
  readonly #ends: readonly [string, string];

  constructor() {
    const id = `dllama-cut-${process.pid}`;
    this.#router = `${id}-r`;
    this.#ends = [`${id}-0`, `${id}-1`];
    for (const name of [this.#router, ...this.#ends]) ip("netns", "add", name);
    for (const [index, end] of this.#ends.entries()) {
      const subnet = `10.78.${index + 1}`;
      const port = `end${index}`;
      const peer = ["peer", "name", "eth0", "netns", end];
      ip("-n", this.#router, "link", "add", port, "type", "veth", ...peer);
      for (const [name, device, address] of [
        [this.#router, port, `${subnet}.1/24`],
        [end, "eth0", `${subnet}.2/24`],
      ] as const) {
        ip("-n", name, "address", "add", address, "dev", device);
        ip("-n", name, "link", "set", device, "up");
        ip("-n", name, "link", "set", "lo", "up");
      }
      ip("-n", end, "route", "add", "default", "via", `${subnet}.1`);
    }
    this.setPassing(true);
  }

  /** What a program is run with to be at one end. */
  at(end: 0 | 1): string[] {
    return ["ip", "netns", "exec", this.#ends[end]];
  }

  setPassing(isPassing: boolean): void {
    const setting = `net.ipv4.ip_forward=${isPassing ? 1 : 0}`;
    ip("netns", "exec", this.#router, "sysctl", "-q", "-w", setting);
  }

  remove(): void {
    for (const name of [this.#router, ...this.#ends]) ip("netns", "delete", name);
  }
}

function ip(...args: string[]): void {
  execFileSync("ip", args, { stdio: ["ignore", "ignore", "pipe"] });
}
