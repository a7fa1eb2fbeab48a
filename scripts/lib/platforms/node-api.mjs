/** Which version of Node-API an addon needs, by the functions that it calls. */

import headers from "node-api-headers";

/** Node 18.17 and Electron 26 have it, and all newer ones. */
export const MAXIMUM_NODE_API = 9;

const IS_NODE_API = /^(napi|node_api)_/;

/** Functions of each version and those before it, by ascending version. */
const versions = Object.entries(headers.symbols)
  .map(([name, { js_native_api_symbols, node_api_symbols }]) => ({
    version: Number(name.replace("v", "")),
    functions: new Set([...js_native_api_symbols, ...node_api_symbols]),
  }))
  .toSorted((a, b) => a.version - b.version);

/**
 * @param {string[]} imports
 * @returns {number} Infinity if a function is in no version: it is experimental, or newer than the table
 */
export function nodeApiVersion(imports) {
  const called = imports.filter((name) => IS_NODE_API.test(name));
  const first = versions.find(({ functions }) => called.every((name) => functions.has(name)));
  return first?.version ?? Infinity;
}
