/** A configuration folder of the test file's own, which its workers and roots find their token in. */

import { join } from "node:path";
import { folder } from "./temporary-files.ts";

process.env["XDG_CONFIG_HOME"] = join(folder, "config");
delete process.env["DLLAMA_TOKEN"];

/** Where a test's worker listens. */
export const loopback = { host: "127.0.0.1", port: 0 };
