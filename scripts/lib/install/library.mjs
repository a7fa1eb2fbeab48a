/** A program that uses the library as people do, for installations to run. */

import { fileURLToPath } from "node:url";

export const libraryProgram = fileURLToPath(new URL("library-program.mjs", import.meta.url));
