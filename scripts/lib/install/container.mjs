/**
 * A container without an engine: the Dockerfile's steps are done in a Debian root file system, and its command runs
 * there as PID 1 of namespaces of its own, as its user, without HOME, on a read-only root.
 */

import { chownSync, copyFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";

import { root } from "../workspace.mjs";
import { Program, ProofError } from "./programs.mjs";

const CONTEXT = join(root, "deploy/docker");
const PATH = "/usr/local/bin:/usr/bin:/bin";

/** PID, network and mounts are new; the root is read-only but for /tmp and the volume. The rest is the command. */
const ENTER = `
system=$1 user=$2; shift 2
ip link set lo up
mount --bind "$system" "$system"
mount --bind "$system/volume" "$system/var/cache/dllama"
mount -t tmpfs tmpfs "$system/tmp"
mount -t proc proc "$system/proc"
for folder in sys dev; do mount --rbind /$folder "$system/$folder"; done
mount -o remount,bind,ro "$system"
exec chroot --userspec="$user" "$system" /usr/bin/env -i PATH=${PATH} "$@"`;

export class Container {
  /** Where the token is, as its programs see it. */
  token = "/run/secrets/dllama_token";
  /** The health check's command. */
  health;
  #folder;
  #user;
  #command;
  #unshare;

  /**
   * @param {import("./stage.mjs").Stage} stage
   * @param {{ name: string, text: string }[]} steps
   */
  static async make(stage, steps) {
    const system = await stage.system("bookworm", "amd64");
    const container = new Container();
    container.#folder = system.folder;
    const place = (path) => join(system.folder, path);
    mkdirSync(place("packed"));
    for (const tarball of await stage.tarballs())
      copyFileSync(tarball, place(`packed/${basename(tarball)}`));
    const npm = '#!/bin/sh\nexec node /usr/lib/node_modules/npm/bin/npm-cli.js "$@"\n';
    mkdirSync(place("usr/local/bin"), { recursive: true });
    writeFileSync(place("usr/local/bin/npm"), npm, { mode: 0o755 });
    const values = {};
    let workingFolder = "/";
    for (const { name, text } of steps) {
      if (name === "WORKDIR") mkdirSync(place((workingFolder = text)), { recursive: true });
      else if (name === "RUN") {
        await system.start(["sh", "-ec", `cd ${workingFolder}; ${text}`]).succeeds();
      } else if (name === "COPY") copy(text, place);
      else values[name] = text;
    }
    container.#user = values.USER;
    container.#command = [...JSON.parse(values.ENTRYPOINT), ...JSON.parse(values.CMD)];
    container.health = JSON.parse(values.HEALTHCHECK.replace(/^CMD /, ""));
    const [uid, gid] = values.USER.split(":").map(Number);
    mkdirSync(place("run/secrets"), { recursive: true });
    writeFileSync(place(container.token), "the token of a container\n", { mode: 0o400 });
    mkdirSync(place("volume"));
    for (const owned of [container.token, "volume"]) chownSync(place(owned), uid, gid);
    return container;
  }

  /** Runs the image's command. */
  start() {
    const within = [
      "unshare",
      "--mount",
      "--pid",
      "--net",
      "--fork",
      "--kill-child",
      "sh",
      "-ec",
      ENTER,
      "sh",
    ];
    const command = [...within, this.#folder, this.#user, ...this.#command];
    this.#unshare = new Program(command, { cwd: "/", env: { PATH: `/usr/sbin:/sbin:${PATH}` } });
    return this.#unshare;
  }

  /** Runs a program beside it, as `docker exec` does. */
  run(command) {
    const within = ["nsenter", "--target", this.#pid(), "--mount", "--pid", "--net"];
    const as = [
      "chroot",
      `--userspec=${this.#user}`,
      this.#folder,
      "/usr/bin/env",
      "-i",
      `PATH=${PATH}`,
    ];
    return new Program([...within, ...as, ...command], {
      cwd: "/",
      env: { PATH: `/usr/sbin:/sbin:${PATH}` },
    });
  }

  /** To the process that is PID 1 in there, which has no default actions. */
  signal(name) {
    try {
      process.kill(Number(this.#pid()), name);
    } catch {
      // It has ended.
    }
  }

  #pid() {
    const { pid } = this.#unshare;
    const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ");
    if (!child) throw new ProofError("the container has ended");
    return child;
  }
}

/** From the build context, or from another stage of the image, which is the same file system here. */
function copy(text, place) {
  const [from, to] = text.split(" ");
  if (from !== to) cpSync(join(CONTEXT, from), place(to), { recursive: true });
}
