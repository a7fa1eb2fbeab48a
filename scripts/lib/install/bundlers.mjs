/**
 * Bundlers, each with the setting that keeps dllama out of the bundle: what docs/installing.md says.
 *
 * @typedef {object} Bundler
 * @property {string} name
 * @property {(tools: import("./tools.mjs").Tools, job: { entry: string, output: string,
 *   isExternal: boolean }) => Promise<void>} bundle
 * @property {string} line of the setting, which the error must name
 */

import { basename, dirname } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";

const load = (tools, path) => import(pathToFileURL(tools.script(path)).href);

/** @type {Bundler[]} */
export const bundlers = [
  { name: "esbuild", bundle: withEsbuild("esm"), line: "--external:@dllama/*" },
  { name: "esbuild (CommonJS)", bundle: withEsbuild("cjs"), line: "--external:@dllama/*" },
  { name: "rolldown", bundle: withRolldown, line: String.raw`external: [/^@dllama\//]` },
  { name: "webpack", bundle: withWebpack, line: String.raw`externals: [/^@dllama\//]` },
];

function withEsbuild(format) {
  return async (tools, { entry, output, isExternal }) => {
    const { build } = await load(tools, "esbuild/lib/main.js");
    await build({
      entryPoints: [entry],
      outfile: output,
      bundle: true,
      platform: "node",
      format,
      logLevel: "silent",
      external: isExternal ? ["@dllama/*"] : [],
    });
  };
}

async function withRolldown(tools, { entry, output, isExternal }) {
  const { rolldown } = await load(tools, "rolldown/dist/index.mjs");
  const external = isExternal ? [/^@dllama\//] : [];
  const bundle = await rolldown({ input: entry, platform: "node", external });
  await bundle.write({ file: output, format: "esm" });
  await bundle.close();
}

async function withWebpack(tools, { entry, output, isExternal }) {
  const { default: webpack } = await load(tools, "webpack/lib/index.js");
  const compiler = webpack({
    mode: "production",
    target: "node",
    entry,
    output: { path: dirname(output), filename: basename(output), module: true },
    experiments: { outputModule: true },
    externalsType: "module-import",
    externals: isExternal ? [/^@dllama\//] : [],
  });
  const stats = await promisify(compiler.run.bind(compiler))();
  await promisify(compiler.close.bind(compiler))();
  if (stats.hasErrors()) throw new Error(stats.toString("errors-only"));
}
