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

const alone = await withCluster(1, LINKS["1gbit"], ({ root }) =>
  root(...story("text", 16).filter((flag) => !["--split", "equal"].includes(flag))),
);

for (const [name, link] of Object.entries(LINKS)) {
  for (const nRanks of [2, 3]) {
    const bytes = await withCluster(nRanks, link, async (cluster) => {
      assert.equal(await cluster.root(...story("text", 16)), alone, `the text over ${name}`);
      return bytesAToken(cluster, 16, async (nTokens) => {
        const lines = (await cluster.root(...story("json", FEW + nTokens))).trim().split("\n");
        return sums(lines.map((line) => JSON.parse(line)));
      });
    });
    checkBytes(`${nRanks} ranks over ${name}`, bytes, link.lossShare > 0);
  }
}

function sums(objects) {
  const ofTokens = objects.filter(({ type }) => type === "token");
  const sum = (field) => ofTokens.reduce((total, token) => total + token[field], 0);
  return { sentBytes: sum("sentBytes"), receivedBytes: sum("receivedBytes") };
}

/**
 * A heartbeat of a second is in neither run's difference but by chance; where frames are lost, what is sent
 * again is counted, too, and selective acknowledgements lengthen headers.
 */
function checkBytes(what, bytes, isLossy) {
  const { sentBytes, receivedBytes, countedSent, countedReceived } = bytes;
  const rounded = [sentBytes, countedSent, receivedBytes, countedReceived].map(Math.round);
  console.log(
    `${what}: a token S ${rounded[0]}, counted ${rounded[1]}; R ${rounded[2]}, counted ${rounded[3]} bytes`,
  );
  const tolerance = isLossy ? 0.25 : 0.03;
  for (const [said, counted] of [
    [sentBytes, countedSent],
    [receivedBytes, countedReceived],
  ]) {
    assert.ok(said > 0);
    assert.ok(
      Math.abs(counted - said) <= tolerance * said,
      `${what}: said ${said}, counted ${counted}`,
    );
  }
}
