/** Programs that use the library as people do, for installations to run. */

import { fileURLToPath } from "node:url";

const program = (name) => fileURLToPath(new URL(name, import.meta.url));

export const libraryProgram = program("library-program.mjs");
export const mainThreadProgram = program("main-thread-program.mjs");
export const workerThreadsProgram = program("worker-threads-program.mjs");
