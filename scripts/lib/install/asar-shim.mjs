/**
 * Shows an asar archive to JavaScript as Electron does, as far as an app with this library needs it: modules,
 * `readFileSync` and `existsSync` look into it, and a packed addon is copied out and loaded. What the
 * addon itself opens is the system's matter here as there: it sees a file and no folder.
 *
 * `ASAR_LIBRARY` names @electron/asar, `ASAR_ARCHIVE` the archive. For Node 22.15 and newer.
 */

import fs from "node:fs";
import { createRequire, registerHooks, syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { basename, dirname, extname, join, relative, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const { ASAR_LIBRARY, ASAR_ARCHIVE } = process.env;
const asar = createRequire(import.meta.url)(ASAR_LIBRARY);
const real = { readFileSync: fs.readFileSync, existsSync: fs.existsSync, dlopen: process.dlopen };

/** An entry of the archive; undefined for what lies elsewhere, null for what it lacks. */
function entryAt(path) {
  if (typeof path !== "string" || !path.startsWith(ASAR_ARCHIVE + sep)) return undefined;
  const name = relative(ASAR_ARCHIVE, path);
  try {
    return { name, ...asar.statFile(ASAR_ARCHIVE, name) };
  } catch {
    return null;
  }
}

function contentOf({ name, unpacked }) {
  return unpacked
    ? real.readFileSync(join(`${ASAR_ARCHIVE}.unpacked`, name))
    : asar.extractFile(ASAR_ARCHIVE, name);
}

fs.existsSync = (path) => {
  const entry = entryAt(path);
  return entry === undefined ? real.existsSync(path) : entry !== null;
};

fs.readFileSync = (path, options) => {
  const entry = entryAt(path);
  if (!entry || entry.files) return real.readFileSync(path, options);
  const content = contentOf(entry);
  const encoding = typeof options === "string" ? options : options?.encoding;
  return encoding ? content.toString(encoding) : content;
};

process.dlopen = (module, path, ...flags) => {
  const entry = entryAt(path);
  if (!entry) return real.dlopen(module, path, ...flags);
  if (entry.unpacked) {
    return real.dlopen(module, join(`${ASAR_ARCHIVE}.unpacked`, entry.name), ...flags);
  }
  const copy = join(fs.mkdtempSync(join(tmpdir(), "asar-")), basename(path));
  fs.writeFileSync(copy, contentOf(entry));
  return real.dlopen(module, copy, ...flags);
};
syncBuiltinESMExports();

registerHooks({
  resolve(specifier, context, next) {
    const parent = context.parentURL?.startsWith("file:") && fileURLToPath(context.parentURL);
    const path = specifier.startsWith("file:") ? fileURLToPath(specifier) : specifier;
    if (entryAt(path)) return found(path);
    if (!parent || !entryAt(parent)) return next(specifier, context);
    if (/^\.\.?\//.test(specifier)) return found(join(dirname(parent), specifier));
    const installed = packageFile(dirname(parent), specifier);
    return installed === undefined ? next(specifier, context) : found(installed);
  },
  load(url, context, next) {
    const path = url.startsWith("file:") ? fileURLToPath(url) : "";
    const entry = entryAt(path);
    if (!entry || extname(path) === ".node") return next(url, context);
    return { format: formatOf(path), source: contentOf(entry), shortCircuit: true };
  },
});

function found(path) {
  const format = extname(path) === ".node" ? undefined : formatOf(path);
  return { url: pathToFileURL(path).href, format, shortCircuit: true };
}

/** What a package's name stands for, looked for upwards as Node does, within the archive. */
function packageFile(folder, name) {
  for (let at = folder; at.startsWith(ASAR_ARCHIVE); at = dirname(at)) {
    const home = join(at, "node_modules", name);
    const manifest = readManifest(home);
    if (manifest === undefined) continue;
    const main = manifest.exports?.["."].default ?? manifest.main ?? "index.js";
    return join(home, main);
  }
  return undefined;
}

function readManifest(folder) {
  const entry = entryAt(join(folder, "package.json"));
  return entry ? JSON.parse(contentOf(entry).toString()) : undefined;
}

function formatOf(path) {
  if (extname(path) !== ".js") return extname(path) === ".cjs" ? "commonjs" : "module";
  let folder = dirname(path);
  while (readManifest(folder) === undefined && folder !== ASAR_ARCHIVE) folder = dirname(folder);
  return readManifest(folder)?.type === "module" ? "module" : "commonjs";
}
