/** What --insecure means, in words that nobody overlooks. */

import { log } from "./log.ts";

export function warnOfInsecure(): void {
  log.warn(
    "--insecure: NO TOKEN, NO ENCRYPTION. Everybody who reaches a worker's port can use it, and everybody " +
      "on the network can read and change the text. Use it only where you trust the network and all who are on it.",
  );
}
