/** A configuration folder of the test file's own, which its workers and roots find their token in. */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { folder } from "./temporary-files.ts";

const config = join(folder, "config");
mkdirSync(join(config, "dllama"), { recursive: true });
writeFileSync(join(config, "dllama", "token"), "the token of a test file\n", { mode: 0o600 });
process.env["XDG_CONFIG_HOME"] = config;
delete process.env["DLLAMA_TOKEN"];

/** Where a test's worker listens. */
export const loopback = { host: "127.0.0.1", port: 0 };
