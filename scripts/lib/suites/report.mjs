/** What people see of a test run: a line for each suite as it ends, what failed, and the sum. */

/** @param {{ isTTY?: boolean, write(text: string): void }} stream */
export function createReport(stream, nameWidth) {
  const isColoured = stream.isTTY && !process.env.NO_COLOR;
  const paint = (code, text) => (isColoured ? `\x1b[${code}m${text}\x1b[0m` : text);
  const verdicts = {
    ok: paint(32, "ok     "),
    failed: paint(31, "FAILED "),
    skipped: paint(33, "skipped"),
  };

  return {
    /** On a terminal the suite that runs is named, until its line takes the place. */
    begin(name) {
      if (stream.isTTY) stream.write(`${name} ...`);
    },

    end(name, outcome, ms) {
      if (stream.isTTY) stream.write("\r\x1b[K");
      const verdict = outcome.failed > 0 ? "failed" : outcome.reason ? "skipped" : "ok";
      const seconds = `${(ms / 1000).toFixed(1)} s`.padStart(8);
      const remark = outcome.reason ?? counts(outcome);
      stream.write(`${name.padEnd(nameWidth)}  ${verdicts[verdict]} ${seconds}  ${remark}\n`);
      if (outcome.failed > 0 && outcome.details) {
        stream.write(`\n${indent(outcome.details)}\n\n`);
      }
    },

    sum(total) {
      stream.write(`\n${counts(total)}\n`);
    },
  };
}

/** The last line of a run, which programs read, too. */
export function counts({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

function indent(text) {
  return text.trim().replace(/^(?=.)/gm, "    ");
}
