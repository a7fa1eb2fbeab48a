/**
 * Paths of the machine that built a file. They tell strangers who built it and where, and make two
 * builds of the same sources differ.
 */

import { homedir } from "node:os";

import { root } from "../workspace.mjs";

/** Where machines have their users, their temporary files and their runners' work. */
const ANY_MACHINE =
  /\/(?:home|Users)\/[\w.-]+\/|\/(?:root|tmp|__w|hostedtoolcache|private\/var|private\/tmp)\/|[A-Z]:\\(?:Users|a)\\/g;
/** How much of what follows is shown. */
const SHOWN = 60;

/**
 * @param {Buffer} bytes
 * @param {string[]} folders of this machine
 * @returns {string[]}
 */
export function foreignPaths(bytes, folders = [root.replace(/\/$/, ""), homedir()]) {
  const text = bytes.toString("latin1");
  const starts = [...text.matchAll(ANY_MACHINE)].map(({ index }) => index);
  for (const folder of folders.filter((path) => path.length > 1)) {
    const prefix = `${folder}/`;
    for (let at = text.indexOf(prefix); at !== -1; at = text.indexOf(prefix, at + 1))
      starts.push(at);
  }
  const paths = starts.map((at) => /^[\x20-\x7e]*/.exec(text.slice(at, at + SHOWN))[0]);
  return [...new Set(paths)];
}
