/**
 * Disturbs long generations of the tiny model until it has recovered from many faults, and checks each text
 * against that of an undisturbed run.
 *
 *     npx -y pnpm@10.34.9 build && node scripts/soak.mjs [--faults 200] [--seed N] [--minutes 60] \
 *         [--kinds sigkill,linkDown,...]
 *
 * Faults come at random times: workers are killed, told to end, stopped for longer than the deadline, their
 * connections cut, forgotten, reset and made again in another order, their caches damaged, their disks full;
 * over 2 to 4 ranks on this machine. After so many minutes no more begin, and the soak has failed. Exit
 * code 0 only for all faults, all recovered from, no hang, no crash, no other text.
 */

import { availableParallelism, cpus } from "node:os";
import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";

import { canFillDisks } from "./lib/soak/cluster.mjs";
import { seededRandom } from "./lib/soak/random.mjs";
import { isWell, soak } from "./lib/soak/soak.mjs";

const { values } = parseArgs({
  options: {
    faults: { type: "string", default: "200" },
    seed: { type: "string", default: String(randomInt(2 ** 32 - 1)) },
    minutes: { type: "string", default: "60" },
    kinds: { type: "string", default: "" },
  },
});
const [wanted, seed, minutes] = [values.faults, values.seed, values.minutes].map(Number);
const begun = performance.now();
const processor = cpus()[0]?.model.trim() || process.arch;
console.log(`${processor}, ${availableParallelism()} cores, Node ${process.version}; seed ${seed}`);
if (!canFillDisks) console.log("not done: full disks, which need Linux and root");

const result = await soak({
  faults: wanted,
  random: seededRandom(seed),
  wantedKinds: values.kinds === "" ? [] : values.kinds.split(","),
  deadline: begun + minutes * 60_000,
  say: (line) => console.log(line),
});
const { faults, recoveries, hangs, crashes, differences, byKind } = result;
for (const problem of [...hangs, ...crashes, ...differences]) console.error(`problem: ${problem}`);
console.log([...byKind].map(([kind, n]) => `${kind} ${n}`).join(", "));
console.log(
  `soak: seed ${seed}, ${faults} faults, ${recoveries} recoveries, ${hangs.length} hangs, ` +
    `${crashes.length} crashes, ${differences.length} other texts, ` +
    `${Math.round((performance.now() - begun) / 1000)} s`,
);
const isDone = isWell(result) && faults >= wanted && recoveries === faults;
process.exitCode = isDone ? 0 : 1;
