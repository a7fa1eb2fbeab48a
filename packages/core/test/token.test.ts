/** Which token counts, where it is kept, and what is said of one that cannot be used. */

import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";

import { test } from "uvu";
import * as assert from "uvu/assert";

import { createStoredToken, storedTokenPath } from "../src/cluster/token-file.ts";
import { rootTrust, workerToken } from "../src/cluster/trust.ts";
import { configFolder } from "../src/config-folder.ts";
import { expectError } from "./support/expect-error.ts";
import { folder, temporaryFile } from "./support/temporary-files.ts";

const NAMED = "of the environment";
const FILED = "of a file, in UTF-8: é";

test.before.each(() => {
  process.env["XDG_CONFIG_HOME"] = join(folder, "config");
  delete process.env["DLLAMA_TOKEN"];
  rmSync(join(folder, "config"), { recursive: true, force: true });
});

function tokenPath(): string {
  const path = storedTokenPath();
  if (path === undefined) throw new Error("XDG_CONFIG_HOME is set, and there is no path");
  return path;
}

function store(text: string, mode = 0o600): void {
  mkdirSync(dirname(tokenPath()), { recursive: true });
  writeFileSync(tokenPath(), text);
  chmodSync(tokenPath(), mode);
}

test("an option comes first, then the environment, then a file, then what is stored", async () => {
  store("the stored token, a line\n");
  assert.equal(await rootTrust({}), { token: "the stored token, a line" });
  const tokenFile = temporaryFile(`${FILED}\r\n`);
  assert.equal(await rootTrust({ tokenFile }), { token: FILED });
  const marked = temporaryFile(`\ufeff${FILED}\r\n`);
  assert.equal(await rootTrust({ tokenFile: marked }), { token: FILED }, "a byte order mark");
  process.env["DLLAMA_TOKEN"] = NAMED;
  assert.equal(await rootTrust({ tokenFile }), { token: NAMED });
  const token = "given as an option";
  assert.equal(await rootTrust({ token, tokenFile }), { token });
  // Told to do without, nothing counts that is only lying about.
  assert.equal(await rootTrust({ insecure: true }), { insecure: true });
});

test("a worker makes a token once, of 128 random bits, that nobody else can read", async () => {
  const path = tokenPath();
  const made = await workerToken({});
  assert.ok(made);
  assert.is(made.origin, "created");
  assert.is(made.path, path);
  assert.match(made.token, /^[0-9a-f]{32}$/);
  assert.is(statSync(path).mode & 0o777, 0o600);
  assert.is(readFileSync(path, "utf8"), `${made.token}\n`);
  assert.equal(await workerToken({}), { token: made.token, origin: "stored", path });
  assert.equal(await rootTrust({}), { token: made.token });
  assert.equal(readdirSync(dirname(path)), ["token"]);
  assert.is(await workerToken({ insecure: true }), undefined);
});

test("workers that start at the same time have one token", async () => {
  const made = await Promise.all(Array.from({ length: 20 }, () => workerToken({})));
  assert.is(new Set(made.map((found) => found?.token)).size, 1);
  assert.is(made.filter((found) => found?.origin === "created").length, 1);
  assert.equal(readdirSync(dirname(tokenPath())), ["token"]);
});

test("two tokens are not the same", async () => {
  const [one, two] = [join(folder, "one"), join(folder, "two")];
  assert.is.not((await createStoredToken(one)).token, (await createStoredToken(two)).token);
});

test("a root without a token is told what to do, and makes none", async () => {
  await expectError("TOKEN_MISSING", [tokenPath()], () => rootTrust({}));
  assert.not.ok(existsSync(tokenPath()));
});

test("a token of less than 16 bytes is refused by its place and length, not by its text", async () => {
  const short = "fifteen bytes !";
  process.env["DLLAMA_TOKEN"] = short;
  const places: [string, () => Promise<unknown>][] = [
    ["DLLAMA_TOKEN", () => rootTrust({})],
    ["DLLAMA_TOKEN", () => workerToken({})],
    ["the option token", () => rootTrust({ token: short })],
  ];
  for (const [place, find] of places) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other reads better when it fails
    const error = await expectError("TOKEN_INVALID", [place, "at least 16 bytes, got 15"], find);
    assert.not.match(`${error.message} ${error.hint}`, short);
  }
  delete process.env["DLLAMA_TOKEN"];
  store("");
  await expectError("TOKEN_INVALID", [tokenPath(), "got 0"], () => workerToken({}));
});

test("a stored token that others can read is refused, one in a named file is not", async () => {
  for (const mode of [0o640, 0o604]) {
    store("the stored token, a line", mode);
    // oxlint-disable-next-line no-await-in-loop -- one file, changed in turns
    await expectError("TOKEN_INVALID", [tokenPath(), "others"], () => rootTrust({}));
  }
  const tokenFile = temporaryFile(FILED);
  chmodSync(tokenFile, 0o644);
  assert.equal(await rootTrust({ tokenFile }), { token: FILED });
});

test("a file that is not there, or no token, is named", async () => {
  await expectError("FILE_NOT_FOUND", ["/no/such"], () => rootTrust({ tokenFile: "/no/such" }));
  await expectError("FILE_UNREADABLE", [folder], () => rootTrust({ tokenFile: folder }));
  const long = temporaryFile("x".repeat(5000));
  await expectError("TOKEN_INVALID", [long, "4096"], () => rootTrust({ tokenFile: long }));
});

test("a token and insecure exclude each other", async () => {
  const both = { token: NAMED, insecure: true };
  await expectError("INVALID_ARGUMENT", ["exclude"], () => rootTrust(both));
  await expectError("INVALID_ARGUMENT", ["exclude"], () => workerToken(both));
});

test("the configuration folder is the platform's, unless XDG_CONFIG_HOME says otherwise", () => {
  const place = (platform: NodeJS.Platform, xdg?: string): string | undefined =>
    configFolder({ platform, environment: { XDG_CONFIG_HOME: xdg }, home: () => "/home/me" });
  assert.is(place("linux"), "/home/me/.config/dllama");
  assert.is(place("darwin"), "/home/me/Library/Application Support/dllama");
  assert.is(place("darwin", "/config"), "/config/dllama");
  assert.is(place("linux", "relative"), "/home/me/.config/dllama");
});

test.run();
