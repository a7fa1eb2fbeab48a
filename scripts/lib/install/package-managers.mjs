/**
 * How each package manager runs a program that is not installed.
 *
 * @typedef {object} PackageManager
 * @property {string} name
 * @property {(tools: import("./tools.mjs").Tools) => string[]} run the command before the package's name
 * @property {Record<string, string>} [env]
 * @property {string[]} [offline] what it needs before the name once the registry is gone; undefined if
 *   nothing helps
 */

/** @type {PackageManager[]} */
export const packageManagers = [
  {
    name: "pnpm dlx",
    run: (tools) => ["node", tools.script("pnpm/bin/pnpm.cjs"), "dlx"],
    offline: ["--config.fetch-retries=0"],
  },
  {
    name: "npx",
    run: (tools) => ["node", tools.script("npm/bin/npx-cli.js"), "--yes"],
    offline: ["--offline"],
  },
  {
    name: "yarn dlx (node_modules)",
    run: (tools) => ["node", tools.script("@yarnpkg/cli-dist/bin/yarn.js"), "dlx", "--quiet"],
    env: { YARN_NODE_LINKER: "node-modules" },
  },
  {
    name: "yarn dlx (PnP)",
    run: (tools) => ["node", tools.script("@yarnpkg/cli-dist/bin/yarn.js"), "dlx", "--quiet"],
    env: { YARN_NODE_LINKER: "pnp" },
  },
  {
    name: "bunx",
    run: (tools) => [tools.bun, "x", "--silent"],
    offline: [],
  },
];
