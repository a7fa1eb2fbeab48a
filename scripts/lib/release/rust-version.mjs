/** The version of the Rust workspace, which the addon reports, is that of the packages. */

const WORKSPACE_VERSION = /^(\[workspace\.package\]\nversion = )"[^"]*"/m;

export function withWorkspaceVersion(manifest, version) {
  if (!WORKSPACE_VERSION.test(manifest)) {
    throw new Error("Cargo.toml: expected [workspace.package] to begin with its version");
  }
  return manifest.replace(WORKSPACE_VERSION, `$1"${version}"`);
}
