/**
 * The layer rules of TypeScript sources. An import is judged by its text and the table alone, so
 * that a file can be checked without the rest of the program.
 *
 * @typedef {{ path: string, line: number, rule: string }} Violation
 */

import { posix } from "node:path";

import ts from "typescript";

import { coreFoundations, forCliOnly, packageLayers } from "./table.mjs";

const ADDON = /\.node$|\bnative\.c?js$/;

/**
 * @param {string} path from the root, with slashes: `packages/core/src/index.ts`
 * @param {string} text
 * @param {(specifier: string) => boolean} isExported whether `@dllama/NAME/PATH` is in the exports
 *   of that package
 * @returns {Violation[]}
 */
export function checkTypeScript(path, text, isExported) {
  const [, packageName, area] = path.split("/");
  const violations = [];
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest);
  const report = (node, rule) => {
    const { line } = source.getLineAndCharacterOfPosition(node.getStart(source));
    violations.push({ path, line: line + 1, rule });
  };

  if (layerOf(packageName) === -1) {
    report(source, `package ${packageName} has no place in scripts/lib/layers/table.mjs`);
    return violations;
  }
  const visit = (node) => {
    const specifier = importedBy(node);
    if (specifier) {
      const rule = brokenByImport(path, packageName, area, specifier.text, isExported);
      if (rule) report(specifier, rule);
    }
    if (area === "src" && packageName !== "cli") {
      const rule = brokenByGlobal(node);
      if (rule) report(node, rule);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return violations;
}

/** The specifier of an import or export declaration, an import type, `import()` or `require()`. */
function importedBy(node) {
  let specifier;
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) {
    specifier = node.moduleSpecifier;
  } else if (ts.isImportTypeNode(node)) {
    specifier = node.argument.literal;
  } else if (ts.isCallExpression(node)) {
    const callee = node.expression;
    const imports = callee.kind === ts.SyntaxKind.ImportKeyword || callee.text === "require";
    specifier = imports ? node.arguments[0] : undefined;
  }
  return specifier && ts.isStringLiteralLike(specifier) ? specifier : undefined;
}

function brokenByImport(path, packageName, area, specifier, isExported) {
  if (ADDON.test(specifier) && packageName !== "bindings") return "only bindings loads the addon";
  if (/^(node:)?(process|console)$/.test(specifier) && packageName !== "cli") {
    return "only the CLI has the process to itself; the members that libraries may use are global";
  }
  if (specifier.startsWith(".")) return brokenByRelativeImport(path, packageName, area, specifier);

  const [, imported, inner] = /^@dllama\/([^/]+)(\/.+)?$/.exec(specifier) ?? [];
  if (!imported) return undefined;
  if (imported === packageName) {
    // An example is what a user writes.
    if (area === "examples") return undefined;
    return "a package imports its own files by relative paths";
  }
  if (layerOf(imported) === -1)
    return `package ${imported} has no place in scripts/lib/layers/table.mjs`;
  if (layerOf(imported) >= layerOf(packageName)) {
    const order = packageLayers.map((names) => names.join(", ")).join(" <- ");
    return `${packageName} must not import ${imported}: ${order}`;
  }
  if (inner && !isExported(specifier)) return `${specifier} is an inner file of another package`;
  return undefined;
}

function brokenByRelativeImport(path, packageName, area, specifier) {
  const target = posix.join(posix.dirname(path), specifier);
  if (!target.startsWith(`packages/${packageName}/`)) {
    return `${specifier} leaves the package: import another package by its name`;
  }
  if (packageName !== "core" || area !== "src") return undefined;
  return coreFoundations.includes(coreFolder(path)) ? brokenByFoundation(path, target) : undefined;
}

function brokenByFoundation(path, target) {
  const folder = coreFolder(target);
  const isAbove =
    folder === undefined ? target.endsWith("/index.ts") : !coreFoundations.includes(folder);
  if (!isAbove) return undefined;
  return `${coreFolder(path)} is a foundation of core and must not import ${folder ?? "its index"}`;
}

/** `gguf` of `packages/core/src/gguf/read.ts`, undefined for a file in `src` itself. */
function coreFolder(path) {
  return path.split("/").slice(3, -1)[0];
}

/** `console.log`, `process.argv` and the like, `globalThis.process.argv` too. */
function brokenByGlobal(node) {
  if (!ts.isPropertyAccessExpression(node)) return undefined;
  const object = ts.isPropertyAccessExpression(node.expression)
    ? node.expression.name
    : node.expression;
  if (object.text === "process") return forCliOnly[`process.${node.name.text}`];
  return object.text === "console" ? forCliOnly.console : undefined;
}

function layerOf(packageName) {
  return packageLayers.findIndex((names) => names.includes(packageName));
}
