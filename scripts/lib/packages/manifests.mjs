/** What the manifests that people get must say, and must not. */

/** pnpm, Bun and Yarn run none of these without being told to, and an addon that needs one is missing there. */
const INSTALL_SCRIPTS = ["preinstall", "install", "postinstall", "prepare"];
const NEEDED = ["description", "license", "repository", "engines", "files"];

/**
 * @param {import("./pack.mjs").Tarball[]} tarballs
 * @returns {string[]} what is wrong, a sentence each
 */
export function manifestProblems(tarballs) {
  const versions = new Set(tarballs.map(({ manifest }) => manifest.version));
  return [
    ...(versions.size === 1 ? [] : [`expected one version, got ${[...versions].join(", ")}`]),
    ...tarballs.flatMap(({ name, manifest, files }) =>
      problemsOf(manifest, files).map((problem) => `${name}: ${problem}`),
    ),
  ];
}

function problemsOf(manifest, files) {
  const text = JSON.stringify(manifest);
  return [
    ...INSTALL_SCRIPTS.filter((script) => manifest.scripts?.[script] !== undefined).map(
      (script) => `it has the install script ${script}`,
    ),
    ...NEEDED.filter((key) => manifest[key] === undefined).map((key) => `it has no ${key}`),
    ...["README.md", "LICENSE"]
      .filter((file) => !files.includes(file))
      .map((file) => `it has no ${file}`),
    ...(manifest.private ? ["it is private"] : []),
    ...(text.includes("workspace:") ? ["a dependency's version is that of the workspace"] : []),
    ...(text.includes("dllama-source") ? ["its exports name sources, which are not in it"] : []),
  ];
}
