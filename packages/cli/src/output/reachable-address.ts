/** The address of this device that others are likely to reach it by. */

import { networkInterfaces } from "node:os";

/** `host`, or if that means all addresses, the first of a network card; IPv4 before IPv6. */
export function reachableAddress(host: string): string {
  if (host !== "0.0.0.0" && host !== "::") return host;
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const others = all.filter(({ internal, scopeid = 0 }) => !internal && scopeid === 0);
  const first = others.find(({ family }) => family === "IPv4") ?? others[0];
  return first?.address ?? "127.0.0.1";
}
