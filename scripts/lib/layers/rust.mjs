/** The layer rules of the Rust crates, judged by their manifests. */

import { crateDependencies } from "./table.mjs";

const PREFIX = "dllama-";

/**
 * @param {{ packages: { name: string, manifest_path: string, dependencies: { name: string }[] }[] }} metadata
 *   what `cargo metadata --no-deps` prints
 * @param {(path: string) => string} readFile gives a manifest's text
 * @returns {import("./typescript.mjs").Violation[]}
 */
export function checkCrates(metadata, readFile) {
  return metadata.packages.flatMap((crate) => {
    const name = crate.name.replace(PREFIX, "");
    const allowed = crateDependencies[name];
    if (!allowed) {
      const rule = `crate ${crate.name} has no place in scripts/lib/layers/table.mjs`;
      return [{ path: crate.manifest_path, line: 1, rule }];
    }
    return (
      crate.dependencies
        .filter((dependency) => dependency.name.startsWith(PREFIX))
        // Itself, for its tests, with features that nobody else turns on.
        .filter((dependency) => dependency.name !== crate.name)
        .filter((dependency) => !allowed.includes(dependency.name.replace(PREFIX, "")))
        .map((dependency) => ({
          path: crate.manifest_path,
          line: lineOf(dependency.name, readFile(crate.manifest_path)),
          rule: `${crate.name} must not depend on ${dependency.name}, only on ${list(allowed)}`,
        }))
    );
  });
}

function lineOf(dependency, manifest) {
  const index = manifest.split("\n").findIndex((line) => line.trimStart().startsWith(dependency));
  return index + 1;
}

function list(allowed) {
  return allowed.map((name) => PREFIX + name).join(", ") || "crates of others";
}
