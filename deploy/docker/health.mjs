/**
 * Whether the worker in this container is alive: `node health.mjs [PORT]`. The kernel alone would accept a connection to
 * a worker that hangs, so it is asked something that is not dllama's protocol, and must refuse in its own words.
 */

import { connect } from "node:net";

const TIMEOUT_MS = 4000;
/** What every reply of a worker begins with, in every version (`crates/net/src/handshake`). */
const MAGIC = "dllama\r\n";

const port = Number(process.argv[2] ?? 9998);
const socket = connect({ host: "127.0.0.1", port }, () => socket.end("Are you there?\n\n"));
const fail = (why) => {
  console.error(`no worker answers on port ${port}: ${why}`);
  process.exit(1);
};
setTimeout(fail, TIMEOUT_MS, `nothing came within ${TIMEOUT_MS} ms`);
let answer = "";
socket.setEncoding("latin1").on("data", (text) => {
  answer += text;
  if (answer.startsWith(MAGIC)) process.exit(0);
});
socket.on("error", (error) => fail(error.message));
socket.on("close", () => fail(`it said ${JSON.stringify(answer)}`));
