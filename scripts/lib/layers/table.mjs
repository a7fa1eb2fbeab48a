/**
 * Who may know whom. `check-layers.mjs` holds the sources to these tables, and
 * a package or crate that is missing here is a violation as well.
 */

/** npm packages (`@dllama/NAME`), lowest first: each may import those of the lines above its own. */
export const packageLayers = [["bindings"], ["core"], ["converter", "server"], ["cli"]];

/**
 * Folders of `packages/core/src` that know one thing each: they import each other and the files
 * beside them, but nothing that knows of models, clusters or generation.
 */
export const coreFoundations = ["gguf", "tokenizer", "sampling", "program"];

/** Rust crates (`dllama-NAME`), each with the crates of this workspace that it may depend on. */
export const crateDependencies = {
  kernels: [],
  net: [],
  engine: ["kernels", "net"],
  bindings: ["kernels", "net", "engine"],
};

/** What libraries leave to the program, by the global's members. */
export const forCliOnly = {
  console: "only the CLI prints",
  "process.stdout": "only the CLI prints",
  "process.stderr": "only the CLI prints",
  "process.argv": "only the CLI reads the command line",
  "process.exit": "only the CLI ends the process",
  "process.exitCode": "only the CLI sets an exit code",
};
