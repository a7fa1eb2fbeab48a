/**
 * The crates whose code is inside an addon, with the text of the licence that each is used under.
 *
 * @typedef {object} Crate
 * @property {string} name
 * @property {string} version
 * @property {string} licence by its SPDX name
 * @property {string} text
 */

import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";

import { root } from "../workspace.mjs";
import { chooseLicence, licenceText } from "./choice.mjs";

const CRATE = "dllama-bindings";

/**
 * @param {string} target the name that Rust has for the platform
 * @returns {Crate[]} by name
 */
export function cratesInside(target) {
  const manifests = readManifests();
  return (
    linkedCrates(target)
      .map((id) => manifests.get(id))
      // Those of this repository are under its own licence, which is in each package.
      .filter((manifest) => manifest.source !== null)
      .map(describe)
  );
}

/** Without what runs at compile time alone: build scripts and procedural macros. */
function linkedCrates(target) {
  const edges = ["--edges", "normal,no-proc-macro", "--target", target];
  const format = ["--prefix", "none", "--no-dedupe", "--format", "{p}"];
  const lines = cargo("tree", "--package", CRATE, ...edges, ...format).split("\n");
  const ids = lines.map((line) => /^\S+ v\S+/.exec(line)?.[0]).filter((id) => id !== undefined);
  return [...new Set(ids)].toSorted((a, b) => a.localeCompare(b, "en"));
}

function readManifests() {
  const { packages } = JSON.parse(cargo("metadata", "--format-version", "1"));
  return new Map(packages.map((manifest) => [`${manifest.name} v${manifest.version}`, manifest]));
}

function describe({ name, version, license, manifest_path, authors }) {
  const folder = dirname(manifest_path);
  const files = readdirSync(folder)
    .filter((file) => /^(licen[cs]e|copying|unlicense)/i.test(file))
    .map((file) => readFileSync(join(folder, file), "utf8"));
  try {
    const licence = chooseLicence(license);
    return { name, version, licence, text: licenceText(licence, files, authors) };
  } catch (error) {
    throw new Error(`${name} ${version}: ${error.message}`, { cause: error });
  }
}

function cargo(command, ...args) {
  const options = { cwd: root, encoding: "utf8", maxBuffer: 2 ** 26 };
  return execFileSync("cargo", [command, "--locked", ...args], options);
}
