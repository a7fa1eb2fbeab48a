/** A worker in a control group, as in a container or under systemd: what it tells the root is the group's. */

import { cpus } from "node:os";

import { test } from "uvu";
import * as assert from "uvu/assert";

import { amongFakeGroups, missingForGroups, RealGroup } from "./control-group.ts";
import type { FakeGroups } from "./control-group.ts";
import { dllama, folder, Program } from "./harness.ts";

const MIB = 2 ** 20;

const missing = missingForGroups();
if (missing !== undefined) {
  console.log(`control groups are not tested: ${missing}`);
  if (process.env["REQUIRE_NETNS"]) {
    throw new Error(`REQUIRE_NETNS asks for a test that cannot run: ${missing}`);
  }
}
const testHere = (name: string, run: () => Promise<void>): void =>
  missing === undefined ? test(name, run) : test.skip(name, run);

/** What a root hears of a worker that is started so and has no flags of its own. */
async function told(
  within: readonly string[],
): Promise<{ nThreads: number; nCores: number; freeMib: number }> {
  const flags = ["--host", "127.0.0.1", "--port", "0", "--no-cache"];
  const worker = new Program(["worker", ...flags], { within });
  try {
    const [, address = ""] = await worker.printed("stdout", /^Listening on (\S+)$/m);
    const story = ["inference", "-p", "Once", "--steps", "1", "--verbose", "--split", "equal"];
    const { code, stderr } = await dllama([...story, "--workers", address]);
    assert.is(code, 0, stderr);
    const line = /rank 1 .*, (\d+) threads on (\d+) cores: takes \S+ \S+ of (\S+) ([MG])iB/.exec(
      stderr,
    );
    assert.ok(line, stderr);
    const [, nThreads, nCores, free, unit] = line;
    const freeMib = Number(free) * (unit === "G" ? 1024 : 1);
    return { nThreads: Number(nThreads), nCores: Number(nCores), freeMib };
  } finally {
    worker.kill("SIGTERM");
    await worker.ended;
  }
}

/** The quota is of the outer group, the memory of the inner one; a neighbour uses half of the outer one's. */
const V2: FakeGroups = {
  groups: "0::/outer/inner",
  mounts: "24 1 0:22 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw",
  files: {
    "cgroup.controllers": "cpu memory",
    "outer/cgroup.controllers": "cpu memory",
    "outer/cpu.max": "190000 100000",
    "outer/memory.max": 1024 * MIB,
    "outer/memory.current": 824 * MIB,
    "outer/memory.stat": `anon 1\nactive_file ${100 * MIB}`,
    "outer/inner/cgroup.controllers": "cpu memory",
    "outer/inner/cpu.max": "max 100000",
    "outer/inner/memory.max": 400 * MIB,
    "outer/inner/memory.current": 50 * MIB,
  },
};

const V1: FakeGroups = {
  groups: `4:memory:/docker/1\n1:cpu,cpuacct:/docker/1`,
  mounts:
    "30 25 0:26 /docker/1 /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n" +
    "31 25 0:27 /docker/1 /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct",
  files: {
    "memory/memory.limit_in_bytes": 300 * MIB,
    "memory/memory.usage_in_bytes": 100 * MIB,
    "memory/memory.stat": "total_active_file 0",
    "cpu/cpu.cfs_quota_us": 150_000,
    "cpu/cpu.cfs_period_us": 100_000,
  },
};

testHere(
  "the smallest quota and the smallest room of all groups count, with version 2",
  async () => {
    const facts = await told(amongFakeGroups(`${folder}/v2`, V2));
    assert.equal(facts, { nThreads: 1, nCores: 1, freeMib: 300 });
  },
);

testHere("a container sees its own group of version 1 alone", async () => {
  const facts = await told(amongFakeGroups(`${folder}/v1`, V1));
  assert.equal(facts, { nThreads: 1, nCores: 1, freeMib: 200 });
});

const canHave = RealGroup.canHave(["cpu", "cpuset", "memory"]);
if (!canHave)
  console.log("real control groups are not tested: this machine does not have those of version 1");
const testReal = (name: string, run: () => Promise<void>): void =>
  canHave ? testHere(name, run) : test.skip(name, run);

testReal("the kernel's own groups of version 1: quota and memory", async () => {
  const group = new RealGroup({
    cpu: { "cpu.cfs_quota_us": 100_000 },
    memory: { "memory.limit_in_bytes": 512 * MIB },
  });
  try {
    const { nThreads, nCores, freeMib } = await told(group.within());
    assert.equal([nThreads, nCores], [1, 1]);
    // Node itself takes some of it.
    assert.ok(freeMib > 256 && freeMib < 512, `${freeMib} MiB of 512`);
  } finally {
    group.remove();
  }
});

testReal("the kernel's own groups of version 1: a set of processors", async () => {
  const last = cpus().length - 1;
  const group = new RealGroup({ cpuset: { "cpuset.cpus": last, "cpuset.mems": 0 } });
  try {
    const { nThreads, nCores } = await told(group.within());
    assert.equal([nThreads, nCores], [1, 1]);
  } finally {
    group.remove();
  }
});

test.run();
