/** The text of a package's THIRD-PARTY-LICENSES. */

import { readFileSync } from "node:fs";

import { cratesInside } from "./crates.mjs";

/** What compilers add to every file; their texts are in `texts/`. */
const runtimes = [
  { title: "Rust's standard library", text: "rust-std", formats: ["elf", "mach-o"] },
  { title: "zig's compiler-rt", text: "zig", formats: ["elf", "mach-o"] },
  { title: "LLVM's libunwind", text: "llvm-libunwind", formats: ["elf"] },
  { title: "the GNU C Library's libc_nonshared.a", text: "glibc", formats: ["elf"] },
];
const RULE = "=".repeat(100);

/** @param {import("../platforms/table.mjs").Platform} platform */
export function noticeOf({ name, target, format, file }) {
  const parts = [...byText(cratesInside(target)), ...runtimesOf(format)];
  const head = [
    `What others wrote and ${file} contains, with the licences that it is used under.`,
    `Made by scripts/generate-licences.mjs for ${name}.`,
  ];
  const sections = parts.map(({ title, text }) => `${RULE}\n${title}\n${RULE}\n\n${text}`);
  return `${head.join("\n")}\n\n${sections.join("\n\n")}\n`;
}

/** Crates with the same text, which many have, stand together above it. */
function byText(crates) {
  const groups = new Map();
  for (const crate of crates) groups.set(crate.text, [...(groups.get(crate.text) ?? []), crate]);
  return [...groups].map(([text, group]) => {
    const names = group.map(({ name, version }) => `${name} ${version}`).join(", ");
    return { title: `${names} (${group[0].licence})`, text };
  });
}

function runtimesOf(format) {
  return runtimes
    .filter(({ formats }) => formats.includes(format))
    .map(({ title, text }) => ({
      title,
      text: readFileSync(new URL(`texts/${text}.txt`, import.meta.url), "utf8").trim(),
    }));
}
