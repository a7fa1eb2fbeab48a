/**
 * Ranks in network namespaces over slow links: they write the text of one rank, and send what they say.
 * Exits 75 where namespaces cannot be made, or fails if `CI` or `REQUIRE_NETNS` asks for them.
 */

import { strict as assert } from "node:assert";

import { bringUpToDate } from "./lib/build.mjs";
import { bytesAToken } from "./lib/netns/bytes.mjs";
import { withCluster } from "./lib/netns/cluster.mjs";
import { LINKS } from "./lib/netns/links.mjs";
import { requireNamespaces } from "./lib/netns/requirements.mjs";

requireNamespaces("test-netns");
const problem = await bringUpToDate({ say: console.error, output: "stderr" });
assert.equal(problem, undefined);

const FLAGS =
  "--temperature 0 --buffer-float-type f32 --kv-cache-type f32 --all-reduce direct --split equal";
const story = (format, steps) =>
  `inference --quiet --format ${format} --steps ${steps} ${FLAGS} --prompt Once`.split(" ");
const FEW = 4;
const MAX_ATTEMPTS = 4;

const alone = await withCluster(1, LINKS["1gbit"], ({ root }) =>
  root(...story("text", 16).filter((flag) => !["--split", "equal"].includes(flag))),
);

for (const [name, link] of Object.entries(LINKS)) {
  for (const nRanks of [2, 3]) {
    await withCluster(nRanks, link, async (cluster) => {
      assert.equal(await cluster.root(...story("text", 16)), alone, `the text over ${name}`);
      const tolerance = link.lossShare > 0 ? 0.25 : 0.03;
      await checkBytes(cluster, `${nRanks} ranks over ${name}`, tolerance);
    });
  }
}

function sums(objects) {
  const ofTokens = objects.filter(({ type }) => type === "token");
  const sum = (field) => ofTokens.reduce((total, token) => total + token[field], 0);
  return { sentBytes: sum("sentBytes"), receivedBytes: sum("receivedBytes") };
}

/**
 * What is sent twice is counted twice: on a busy machine also where no frame is lost, because an
 * acknowledgement comes late. So the best of some attempts counts.
 */
async function checkBytes(cluster, what, tolerance) {
  const lines = [];
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    const bytes = await bytesAToken(cluster, 16, async (nTokens) => {
      const output = await cluster.root(...story("json", FEW + nTokens));
      const objects = output.trim().split("\n");
      return sums(objects.map((line) => JSON.parse(line)));
    });
    const { sentBytes, receivedBytes, countedSent, countedReceived } = bytes;
    const [s, cs, r, cr] = [sentBytes, countedSent, receivedBytes, countedReceived].map(Math.round);
    lines.push(`${what}: a token S ${s}, counted ${cs}; R ${r}, counted ${cr} bytes`);
    const isNear = (said, counted) => said > 0 && Math.abs(counted - said) <= tolerance * said;
    if (isNear(sentBytes, countedSent) && isNear(receivedBytes, countedReceived)) {
      console.log(lines.at(-1));
      return;
    }
  }
  assert.fail(lines.join("\n"));
}
