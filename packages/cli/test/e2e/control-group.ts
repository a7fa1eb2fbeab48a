/**
 * Control groups that a program is started in: real ones where the machine has them to give, and files that look
 * like the kernel's, mounted over them for that program alone.
 */

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Why this machine cannot start a program among other mounts; undefined if it can. */
export function missingForGroups(): string | undefined {
  if (process.platform !== "linux") return "control groups are Linux's";
  if (process.getuid?.() !== 0) return "making control groups and mounts needs root";
  try {
    execFileSync("unshare", ["--mount", "true"], { stdio: "ignore" });
  } catch {
    return "`unshare --mount` does not work";
  }
  return undefined;
}

/** What `/proc/self/cgroup`, `/proc/self/mountinfo` and `/sys/fs/cgroup` show. */
export interface FakeGroups {
  groups: string;
  mounts: string;
  /** By path below `/sys/fs/cgroup`. */
  files: Readonly<Record<string, string | number>>;
}

/** What a program is run with to find these groups; `folder` is filled. */
export function amongFakeGroups(folder: string, { groups, mounts, files }: FakeGroups): string[] {
  const write = (name: string, text: string | number): void => {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `${text}\n`);
  };
  write("groups", groups);
  write("mounts", mounts);
  for (const [name, text] of Object.entries(files)) write(join("tree", name), text);
  // The shell's process becomes the program's, so that the mounts over its /proc files hold for it.
  const script =
    'mount --bind "$0/tree" /sys/fs/cgroup && mount --bind "$0/groups" /proc/$$/cgroup && ' +
    'mount --bind "$0/mounts" /proc/$$/mountinfo && exec "$@"';
  return ["unshare", "--mount", "sh", "-c", script, folder];
}

/** A group of version 1 below this process's own, for each controller that it is given settings of. */
export class RealGroup {
  readonly #folders: string[] = [];

  constructor(settings: Readonly<Record<string, Readonly<Record<string, string | number>>>>) {
    for (const [controller, files] of Object.entries(settings)) {
      const folder = join(groupOf(controller), `dllama-test-${process.pid}`);
      mkdirSync(folder);
      this.#folders.push(folder);
      for (const [name, value] of Object.entries(files)) {
        writeFileSync(join(folder, name), String(value));
      }
    }
  }

  /** Whether all of these controllers are to be had with the interface of version 1. */
  static canHave(controllers: readonly string[]): boolean {
    return controllers.every((name) => existsSync(join("/sys/fs/cgroup", name, "cgroup.procs")));
  }

  /** What a program is run with to be in the group. */
  within(): string[] {
    const files = this.#folders.map((folder) => join(folder, "cgroup.procs"));
    const joins = files.map((file) => `echo $$ > '${file}' && `).join("");
    return ["sh", "-c", `${joins}exec "$@"`, "sh"];
  }

  /** Once its programs have ended. */
  remove(): void {
    for (const folder of this.#folders) rmdirSync(folder);
  }
}

function groupOf(controller: string): string {
  const lines = readFileSync("/proc/self/cgroup", "utf8").split("\n");
  const fields = lines.map((line) => line.split(":"));
  const own = fields.find(([, controllers]) => controllers?.split(",").includes(controller));
  return join("/sys/fs/cgroup", controller, own?.[2] ?? "/");
}
