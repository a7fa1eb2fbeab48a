/** A registry of our own on loopback: our packages are published there, all others come from npm's. */

import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { run } from "../children.mjs";
import { emptyFolder } from "./folders.mjs";
import { Program, ProofError } from "./programs.mjs";
import { npmrc } from "./sandbox.mjs";

const FIRST_PORT = 4870;
const START_TIMEOUT_MS = 60_000;

/**
 * @typedef {object} Registry
 * @property {string} address
 * @property {() => Promise<void>} stop
 */

/**
 * @param {import("./tools.mjs").Tools} tools
 * @param {string[]} tarballs published in this order
 * @returns {Promise<Registry>}
 */
export async function startRegistry(tools, tarballs) {
  const folder = emptyFolder("registry");
  const port = await freePort(FIRST_PORT);
  const address = `http://127.0.0.1:${port}`;
  const config = join(folder, "config.json");
  writeFileSync(config, JSON.stringify(configuration(folder, await upstream())));
  const verdaccio = tools.script("verdaccio/bin/verdaccio");
  const listen = ["--listen", `127.0.0.1:${port}`];
  // It asks npm's registry, and so needs our own proxies and certificates.
  const server = new Program([process.execPath, verdaccio, "--config", config, ...listen], {
    cwd: folder,
    env: process.env,
  });
  await waitUntilItAnswers(address, server);
  await publish(tools, folder, address, tarballs);
  return { address, stop: () => server.stop() };
}

/** YAML, which Verdaccio reads, has JSON within it. */
function configuration(folder, url) {
  const everybody = { access: "$all", publish: "$all" };
  return {
    storage: join(folder, "storage"),
    auth: { htpasswd: { file: join(folder, "htpasswd") } },
    uplinks: { npm: { url, timeout: "60s", maxage: "60m" } },
    packages: { "@dllama/*": everybody, "**": { ...everybody, proxy: "npm" } },
    log: { type: "file", path: join(folder, "log"), level: "warn" },
    web: { enable: false },
    // A platform package has a few MB.
    max_body_size: "100mb",
  };
}

/** The registry that npm is configured with on this machine. */
async function upstream() {
  const { stdout, problem, output } = await run(["npm", "config", "get", "registry"]);
  if (problem) throw new ProofError(`npm config get registry ${problem}:\n${output}`);
  return stdout.trim();
}

async function freePort(port) {
  const probe = createServer();
  try {
    const listening = once(probe, "listening");
    probe.listen(port, "127.0.0.1");
    await listening;
    return port;
  } catch (error) {
    if (error.code !== "EADDRINUSE") throw error;
    return await freePort(port + 1);
  } finally {
    probe.close();
  }
}

async function waitUntilItAnswers(address, server) {
  let end;
  void server.ended.then((outcome) => (end = outcome));
  for (const deadline = Date.now() + START_TIMEOUT_MS; Date.now() < deadline; await sleep(100)) {
    if (end !== undefined) throw new ProofError(`verdaccio ended: ${end.stdout}${end.stderr}`);
    const answer = await fetch(`${address}/-/ping`).catch(() => undefined);
    if (answer?.ok) return;
  }
  throw new ProofError(`verdaccio did not answer within ${START_TIMEOUT_MS / 1000} s`);
}

async function publish(tools, folder, address, tarballs) {
  const userconfig = join(folder, "npmrc");
  writeFileSync(userconfig, npmrc(address));
  const npm = [process.execPath, tools.script("npm/bin/npm-cli.js")];
  for (const tarball of tarballs) {
    const flags = ["--userconfig", userconfig, "--registry", address, "--access", "public"];
    const ended = await run([...npm, "publish", tarball, ...flags], { cwd: folder });
    if (ended.problem) throw new ProofError(`npm publish ${ended.problem}:\n${ended.output}`);
  }
}
