/** Devices as the model of a token's time sees them: three figures each. */

import { DllamaError } from "../errors.ts";
import { BOARDS } from "./boards.ts";
import { isRecord } from "../is-record.ts";
import { parseJson } from "../parse-json.ts";

/** How fast a device multiplies matrices. */
export interface DeviceRates {
  /** 10^9 bytes of weights a second, for one row. */
  gbPerSecond: number;
  /** 10^9 multiplications and additions a second, for many rows. */
  gops: number;
}

export interface Device extends DeviceRates {
  name: string;
  /** Memory that a rank may take. */
  ramBytes: number;
}

const GIB = 2 ** 30;
/** What a system without a desktop and the program itself leave of a board's memory. */
const SYSTEM_BYTES = 0.4 * GIB;

/** A built-in board: `pi4`, or with another memory than the usual one, `pi4:8gib`. */
export function boardByName(text: string): Device | undefined {
  const [, name = "", gib] =
    /^([a-z0-9-]+?)(?::(\d+(?:\.\d+)?)gi?b)?$/.exec(text.toLowerCase()) ?? [];
  const board = BOARDS.find((known) => known.name === name);
  if (board === undefined) return undefined;
  const ramGib = gib === undefined ? board.ramGib : Number(gib);
  const { gbPerSecond, gops } = board;
  return {
    name: gib === undefined ? name : `${name}:${ramGib}gib`,
    gbPerSecond,
    gops,
    ramBytes: Math.max(0, Math.round(ramGib * GIB - SYSTEM_BYTES)),
  };
}

/** A list that no person writes. */
const MAX_DEVICES = 64;

/**
 * Devices from JSON: a list of board names and of objects `{"name": "attic", "gbPerSecond": 4.8, "gops": 22,
 * "ramGib": 7.5}`, the root first. An object may name a `board` and replace some of its figures.
 *
 * @throws DllamaError INVALID_ARGUMENT that names the entry.
 */
export function devicesFromJson(json: Uint8Array, path: string): Device[] {
  let value: unknown;
  try {
    value = parseJson(json);
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw new DllamaError("INVALID_ARGUMENT", `${path}: ${problem}`, { hint: FILE_HINT, cause });
  }
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_DEVICES) {
    const message = `${path}: expected a list of 1 to ${MAX_DEVICES} devices`;
    throw new DllamaError("INVALID_ARGUMENT", message, { hint: FILE_HINT });
  }
  return value.map((entry: unknown, index) => readEntry(entry, `${path}: device ${index}`));
}

const FILE_HINT =
  'Write ["pi5", {"name": "laptop", "gbPerSecond": 12, "gops": 150, "ramGib": 6}], the root first.';

const KEYS = ["name", "board", "gbPerSecond", "gops", "ramGib"];

function readEntry(entry: unknown, place: string): Device {
  if (typeof entry === "string") return requireBoard(entry, place);
  if (!isRecord(entry)) throw invalid(`${place}: expected a board's name or an object`);
  const unknown = Object.keys(entry).find((key) => !KEYS.includes(key));
  if (unknown !== undefined) {
    throw invalid(`${place}: expected ${KEYS.join(", ")}, got ${JSON.stringify(unknown)}`);
  }
  const { board, name } = entry;
  const base = typeof board === "string" ? requireBoard(board, place) : undefined;
  const figure = (key: string, fallback: number | undefined): number => {
    const value = entry[key] ?? fallback;
    if (typeof value === "number" && Number.isFinite(value) && value > 0) return value;
    throw invalid(`${place}: expected a ${key} above 0, got ${JSON.stringify(value)}`);
  };
  const ramGib = figure("ramGib", base && base.ramBytes / GIB);
  return {
    name: typeof name === "string" ? name : (base?.name ?? "device"),
    gbPerSecond: figure("gbPerSecond", base?.gbPerSecond),
    gops: figure("gops", base?.gops),
    ramBytes: Math.round(ramGib * GIB),
  };
}

function requireBoard(name: string, place: string): Device {
  const device = boardByName(name);
  if (device !== undefined) return device;
  throw invalid(`${place}: no board is called ${JSON.stringify(name)}`);
}

function invalid(message: string): DllamaError {
  const names = BOARDS.map(({ name }) => name).join(", ");
  const hint = `Boards: ${names}, each with :RAM as in pi4:8gib. ${FILE_HINT}`;
  return new DllamaError("INVALID_ARGUMENT", message, { hint });
}
