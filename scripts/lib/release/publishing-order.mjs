/** The packages of the workspace in an order in which each comes after those that it depends on. */

/**
 * @template {{ manifest: { name: string } }} T
 * @param {T[]} entries
 * @returns {T[]}
 */
export function publishingOrder(entries) {
  const left = new Map(entries.map((entry) => [entry.manifest.name, entry]));
  const ordered = [];
  while (left.size > 0) {
    const ready = [...left.values()].filter(({ manifest }) =>
      needs(manifest).every((name) => !left.has(name)),
    );
    if (ready.length === 0)
      throw new Error(`packages that depend on each other: ${[...left.keys()].join(", ")}`);
    for (const entry of ready) left.delete(entry.manifest.name);
    ordered.push(...ready);
  }
  return ordered;
}

function needs({ dependencies = {}, optionalDependencies = {}, peerDependencies = {} }) {
  return Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies });
}
