/**
 * Addresses of workers as people type them: `host`, `host:port`, `[IPv6]`, `[IPv6]:port` and a bare
 * IPv6 address. A bare IPv6 address never carries a port: `fe80::1:9998` is an address with nine
 * thousand odd in its last group.
 */

import { isIPv4, isIPv6 } from "node:net";
import type { ValueType } from "./value-types.ts";

/** As in Distributed Llama. */
export const DEFAULT_PORT = 9998;

const MAX_PORT = 65535;
/** RFC 1035: the longest name. */
const MAX_NAME_LENGTH = 253;

/**
 * `host:port` of the text, with brackets around an IPv6 address; undefined when it is not an
 * address.
 */
export function normaliseAddress(text: string): string | undefined {
  if (isIPv6(text)) return joinAddress(text, DEFAULT_PORT);
  const parts = /^(?:\[(?<v6>[^\]]*)\]|(?<name>[^:]*))(?::(?<port>\d{1,5}))?$/.exec(text)?.groups;
  if (parts === undefined) return undefined;
  const port = parts["port"] === undefined ? DEFAULT_PORT : Number(parts["port"]);
  if (port < 1 || port > MAX_PORT) return undefined;
  const { v6, name } = parts;
  if (v6 !== undefined) return isIPv6(v6) ? joinAddress(v6, port) : undefined;
  return name !== undefined && isHostName(name) ? joinAddress(name, port) : undefined;
}

export function joinAddress(host: string, port: number): string {
  const name = normaliseHost(host);
  return isIPv6(name) ? `[${name}]:${port}` : `${name}:${port}`;
}

/** In small letters, but for the name of an interface: `fe80::1%Wi-Fi`. URLs write %25 in the place of %. */
function normaliseHost(host: string): string {
  const [, address = host, zone] = /^([^%]*)%(?:25(?=[a-z]))?(.*)$/is.exec(host) ?? [];
  return zone === undefined ? address.toLowerCase() : `${address.toLowerCase()}%${zone}`;
}

/**
 * Can only this machine reach a socket that listens on the host? A name other than localhost may be
 * anything.
 */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase();
  if (isIPv4(name)) return name.startsWith("127.");
  return (
    name === "localhost" ||
    name === "::1" ||
    name === "0:0:0:0:0:0:0:1" ||
    name.startsWith("::ffff:127.")
  );
}

function isHostName(name: string): boolean {
  // Digits and dots alone are an IPv4 address or a mistake, such as a port without its host.
  if (/^[\d.]*$/.test(name)) return isIPv4(name);
  return name.length <= MAX_NAME_LENGTH && /^[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?\.?$/i.test(name);
}

export const workerAddress: ValueType<string> = {
  expected:
    "host, host:port or [IPv6]:port, link-local ones with an interface as in [fe80::1%eth0]:9998",
  read: normaliseAddress,
};

/** An address to listen on: a name or an IP address, without a port. */
export const listenHost: ValueType<string> = {
  expected: "a host name or an IP address, without a port",
  read(text) {
    const bare = text.replace(/^\[(.*)\]$/, "$1");
    return isIPv6(bare) || isHostName(text) ? normaliseHost(bare) : undefined;
  },
};
