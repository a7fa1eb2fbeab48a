/** Networks between devices, as the model of a token's time sees them. */

export interface Link {
  name: string;
  /** Payload that a device can send, and receive at the same time. */
  bytesPerSecond: number;
  /** From the moment one rank sends a small message to the moment another has it. */
  latencyMs: number;
  /** All devices take turns on one medium, in both directions: Wi-Fi. */
  isShared: boolean;
}

/**
 * TCP's payload on Ethernet is 1448 of 1538 bytes on the wire (preamble, gap, headers of Ethernet, IP
 * and TCP with timestamps).
 */
const ETHERNET_PAYLOAD = 1448 / 1538;

/**
 * Latencies are of small boards: what the wire, the switch and both kernels take. For a round trip between
 * two Raspberry Pi 4 over a gigabit switch `ping` shows 0.2 ms; a program adds system calls and waking up.
 * Measured figures are better: `--link RATE,LATENCY`.
 */
export const LINKS = {
  "1gbit": link("1gbit", 1e9, 0.2),
  "100mbit": link("100mbit", 1e8, 0.5),
  /** 802.11ac of a Raspberry Pi: some 100 Mbit/s of TCP that all devices share, milliseconds of waiting. */
  wifi: { name: "wifi", bytesPerSecond: 1e8 / 8, latencyMs: 3, isShared: true },
} as const satisfies Record<string, Link>;

function link(name: string, bitsPerSecond: number, latencyMs: number): Link {
  const bytesPerSecond = (bitsPerSecond / 8) * ETHERNET_PAYLOAD;
  return { name, bytesPerSecond, latencyMs, isShared: false };
}

const UNITS: Record<string, number> = { mbit: 1e6, gbit: 1e9 };

/**
 * A network by name, or by two figures: `RATE,LATENCY` such as `250mbit,0.8ms`, optionally `,shared`.
 * Undefined if the text is neither.
 */
export function readLink(text: string): Link | undefined {
  const word = text.toLowerCase();
  const known = Object.values(LINKS).find(({ name }) => name === word);
  if (known !== undefined) return { ...known };
  const parts = /^(\d+(?:\.\d+)?)(mbit|gbit),(\d+(?:\.\d+)?)ms(,shared)?$/.exec(word);
  if (parts === null) return undefined;
  const [, rate = "", unit = "", latency = "", shared] = parts;
  const bitsPerSecond = Number(rate) * (UNITS[unit] ?? 0);
  if (!(bitsPerSecond > 0)) return undefined;
  const found = link(word, bitsPerSecond, Number(latency));
  return { ...found, isShared: shared !== undefined };
}
