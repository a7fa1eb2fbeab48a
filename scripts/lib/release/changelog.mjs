/** One changelog for all packages, which have one version. The newest release stands first. */

/**
 * @param {string} text the changelog so far
 * @param {{ version: string, date: string, summaries: string[] }} release
 */
export function withSection(text, { version, date, summaries }) {
  const heading = `## ${version}`;
  if (text.includes(`${heading}\n`) || text.includes(`${heading} `)) {
    throw new Error(`CHANGELOG.md has a section "${heading}" already`);
  }
  const entries = summaries.map((summary) =>
    `- ${summary.replaceAll("\n", "\n  ")}`.replaceAll(/ +$/gm, ""),
  );
  const section = `${heading} (${date})\n\n${entries.join("\n")}\n`;
  const next = text.search(/^## /m);
  if (next === -1) return `${text.trimEnd()}\n\n${section}`;
  return `${text.slice(0, next)}${section}\n${text.slice(next)}`;
}
