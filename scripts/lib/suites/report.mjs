/**
 * What people see of a test run: a line for each suite, what failed, and the sums. The lines keep the order of the
 * suites, however these overlap: a suite's line waits for those before it.
 */

/**
 * @param {{ isTTY?: boolean, write(text: string): void }} stream
 * @param {string[]} names of the suites, in their order
 */
export function createReport(stream, names) {
  const isColoured = stream.isTTY && !process.env.NO_COLOR;
  const paint = (code, text) => (isColoured ? `\x1b[${code}m${text}\x1b[0m` : text);
  const verdicts = {
    ok: paint(32, "ok     "),
    failed: paint(31, "FAILED "),
    skipped: paint(33, "skipped"),
  };
  const nameWidth = Math.max(...names.map((name) => name.length));
  const running = new Set();
  const lines = new Map();
  const left = [...names];

  /** On a terminal the suites that run are named, until their lines take the place. */
  const showRunning = () => {
    if (stream.isTTY && running.size > 0) stream.write(`${[...running].join(", ")} ...`);
  };
  const hideRunning = () => {
    if (stream.isTTY) stream.write("\r\x1b[K");
  };

  const lineOf = (name, outcome, { seconds, cpuSeconds }) => {
    const verdict = outcome.failed > 0 ? "failed" : outcome.reason ? "skipped" : "ok";
    const wall = `${seconds.toFixed(1)} s`.padStart(8);
    const cpu = `${cpuSeconds.toFixed(1)} s CPU`.padStart(12);
    const remark = outcome.reason ?? counts(outcome);
    const line = `${name.padEnd(nameWidth)}  ${verdicts[verdict]} ${wall} ${cpu}  ${remark}\n`;
    const hasDetails = outcome.failed > 0 && outcome.details;
    return hasDetails ? `${line}\n${indent(outcome.details)}\n\n` : line;
  };

  return {
    begin(name) {
      hideRunning();
      running.add(name);
      showRunning();
    },

    /** @param {{ seconds: number, cpuSeconds: number }} time */
    end(name, outcome, time) {
      hideRunning();
      running.delete(name);
      lines.set(name, lineOf(name, outcome, time));
      while (lines.has(left[0])) stream.write(lines.get(left.shift()));
      showRunning();
    },

    sum(total, { seconds, cpuSeconds }) {
      stream.write(`\n${minutes(seconds)}, with ${minutes(cpuSeconds)} of CPU time\n`);
      stream.write(`${counts(total)}\n`);
    },
  };
}

/** The last line of a run, which programs read, too. */
export function counts({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

function minutes(seconds) {
  return `${(seconds / 60).toFixed(1)} min`;
}

function indent(text) {
  return text.trim().replace(/^(?=.)/gm, "    ");
}
