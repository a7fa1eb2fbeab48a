/**
 * Packs what a release publishes: `node scripts/pack-release.mjs FOLDER`. `FOLDER/order.txt` names the tarballs in the
 * order in which they must be published: a package comes after all that it depends on, so that at no time somebody
 * can install a package whose parts are not there yet.
 */

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";

import { run, stopChildrenOnSignals } from "./lib/children.mjs";
import { platforms } from "./lib/platforms/table.mjs";
import { pnpm } from "./lib/pnpm.mjs";
import { publishingOrder } from "./lib/release/publishing-order.mjs";
import { packages, root } from "./lib/workspace.mjs";

const [target] = process.argv.slice(2);
if (target === undefined) {
  console.error("expected a folder for the tarballs: node scripts/pack-release.mjs FOLDER");
  process.exit(2);
}
stopChildrenOnSignals();
const folder = resolve(target);
mkdirSync(folder, { recursive: true });

const places = [
  ...platforms.map((platform) => platform.folder),
  ...packages.map((name) => `packages/${name}`),
];
const manifests = places.map((place) => ({
  place,
  manifest: JSON.parse(readFileSync(join(root, place, "package.json"), "utf8")),
}));
const order = [];
for (const { place, manifest } of publishingOrder(manifests)) {
  const { problem, output } = await run(pnpm("pack", "--json", "--pack-destination", folder), {
    cwd: join(root, place),
  });
  if (problem) {
    console.error(`pnpm pack in ${place} ${problem}:\n${output}`);
    process.exit(1);
  }
  const name = `${manifest.name.replace("@", "").replace("/", "-")}-${manifest.version}.tgz`;
  if (!readdirSync(folder).includes(name)) throw new Error(`pnpm pack made no ${name}:\n${output}`);
  order.push(basename(name));
}
writeFileSync(join(folder, "order.txt"), order.map((name) => `${name}\n`).join(""));
console.log(order.join("\n"));
