/** Where inputs are kept that found something. */

import { join } from "node:path";

import { root } from "../workspace.mjs";

export const artifactFolder = join(root, "target/fuzz/artifacts");
