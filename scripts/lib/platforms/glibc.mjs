/** The versions of glibc's symbols. */

const GLIBC = /^GLIBC_(\d+(?:\.\d+)*)$/;

/**
 * @param {string[]} versions of symbols
 * @returns {string | undefined} `2.28`; undefined where none is of glibc
 */
export function highestGlibc(versions) {
  return versions
    .map((version) => GLIBC.exec(version)?.[1])
    .filter((version) => version !== undefined)
    .reduce((a, b) => (a === undefined || isNewer(b, a) ? b : a), undefined);
}

/** Numbers, not text: 2.4 is older than 2.28. */
export function isNewer(version, other) {
  const [a, b] = [version, other].map((text) => text.split(".").map(Number));
  for (let i = 0; i < Math.max(a.length, b.length); i += 1) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return false;
}
