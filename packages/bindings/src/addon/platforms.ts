/** The platforms that the addon is prebuilt for, each in a package of its own (`packages/bindings/npm`). */

export interface Platform {
  /** The package is `@dllama/bindings-NAME`. */
  readonly name: string;
  /** `process.platform` and `process.arch`. The Linux ones need glibc, whatever Node itself runs on. */
  readonly os: string;
  readonly cpu: string;
}

export const platforms: readonly Platform[] = [
  { name: "linux-x64-gnu", os: "linux", cpu: "x64" },
  { name: "linux-arm64-gnu", os: "linux", cpu: "arm64" },
  { name: "darwin-arm64", os: "darwin", cpu: "arm64" },
];

/** The glibc that the Linux addons are built for, by `scripts/build-platforms.mjs`. */
export const MINIMUM_GLIBC = "2.28";

export function packageName({ name }: Platform): string {
  return `@dllama/bindings-${name}`;
}
