/** What is read of our Dockerfile, which no engine reads here. */

import { test } from "uvu";
import * as assert from "uvu/assert";

import { instructions } from "../../lib/install/dockerfile.mjs";

test("comments go, lines are joined, and flags that an engine would need are left out", () => {
  const text =
    "# what it is\nFROM base AS one\nRUN --mount=type=bind,source=a,target=/a \\\n    echo a \\\n    && echo b\n" +
    '\n# why\nHEALTHCHECK --interval=60s --retries=3 CMD ["node", "x.mjs"]\nCOPY --from=one /opt /opt\n';
  assert.equal(instructions(text), [
    { name: "FROM", text: "base AS one" },
    { name: "RUN", text: "echo a && echo b" },
    { name: "HEALTHCHECK", text: 'CMD ["node", "x.mjs"]' },
    { name: "COPY", text: "/opt /opt" },
  ]);
  assert.throws(() => instructions("FROM a\nnonsense\n"), /no instruction: nonsense/);
});

test.run();
