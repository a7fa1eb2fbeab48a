/** The address of this device that others are likely to reach it by. */

import { networkInterfaces } from "node:os";

/**
 * `host`, or if that means all addresses, the first of a network card; IPv4 before IPv6, and a link-local one
 * last. Its interface has the name that it has here, which is usually the one on another board, too.
 */
export function reachableAddress(host: string, interfaces = networkInterfaces()): string {
  if (host !== "0.0.0.0" && host !== "::") return host;
  const all = Object.entries(interfaces)
    .flatMap(([name, addresses]) => (addresses ?? []).map((address) => ({ ...address, name })))
    .filter(({ internal, family }) => !internal && (family === "IPv4" || host === "::"));
  const isLocal = ({ scopeid = 0 }: { scopeid?: number | undefined }) => scopeid !== 0;
  const first = all.find(({ family }) => family === "IPv4") ?? all.find((one) => !isLocal(one));
  if (first !== undefined) return first.address;
  const [local] = all;
  return local === undefined ? "127.0.0.1" : `${local.address}%${local.name}`;
}
