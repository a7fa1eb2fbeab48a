/** What a Dockerfile of ours says, as far as it can be done without an engine for containers. */

/**
 * @returns {{ name: string, text: string }[]} its instructions in order, without comments, lines joined
 */
export function instructions(dockerfile) {
  const lines = dockerfile.split("\n").filter((line) => !/^\s*(#|$)/.test(line));
  const joined = lines.join("\n").replaceAll(/\\\n\s*/g, "");
  return joined.split("\n").map((line) => {
    const [, name, text] = /^([A-Z]+) (.*)$/.exec(line) ?? [];
    if (name === undefined)
      throw new Error(`the Dockerfile has a line that is no instruction: ${line}`);
    return {
      name,
      text: text.replaceAll(/--(mount|from|start-period|interval|timeout|retries)=\S+ /g, ""),
    };
  });
}
