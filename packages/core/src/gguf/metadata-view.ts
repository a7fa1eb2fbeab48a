/** Typed access to a file's metadata, with errors that name file and key. */
import { DllamaError } from "../errors.ts";
import type { ErrorCode } from "../errors.ts";
import type { GgufFile } from "./gguf-file.ts";
import type { GgufArrays, GgufScalarType, GgufValue } from "./value.ts";

/**
 * Every getter returns the fallback for a key that the file does not have, and throws without one.
 * A value of another type is always an error. The error's code is the caller's, MODEL_MALFORMED by default.
 */
export class MetadataView {
  readonly #file: GgufFile;
  readonly #code: ErrorCode;

  constructor(file: GgufFile, code: ErrorCode = "MODEL_MALFORMED") {
    this.#file = file;
    this.#code = code;
  }

  has(key: string): boolean {
    return this.#file.metadata.has(key);
  }

  string(key: string, fallback?: string): string {
    const value = this.#get(key, "a string", fallback);
    if (typeof value !== "object") return value;
    return value.type === "string" ? value.value : this.#refuse(key, "a string", value);
  }

  boolean(key: string, fallback?: boolean): boolean {
    const value = this.#get(key, "a boolean", fallback);
    if (typeof value !== "object") return value;
    return value.type === "bool" ? value.value : this.#refuse(key, "a boolean", value);
  }

  /** An integer from 0 to 2^53, of any of the integer types: writers do not agree on one. */
  size(key: string, fallback?: number): number {
    const expected = "an integer from 0 to 2^53";
    const value = this.#get(key, expected, fallback);
    if (typeof value !== "object") return value;
    const isInteger = value.type.startsWith("int") || value.type.startsWith("uint");
    const n = Number(value.value);
    return isInteger && Number.isSafeInteger(n) && n >= 0 ? n : this.#refuse(key, expected, value);
  }

  /** A finite number of a floating point type. */
  float(key: string, fallback?: number): number {
    const value = this.#get(key, "a number", fallback);
    if (typeof value !== "object") return value;
    const isFloat = value.type === "float32" || value.type === "float64";
    return isFloat && Number.isFinite(value.value)
      ? value.value
      : this.#refuse(key, "a number", value);
  }

  array<T extends GgufScalarType>(key: string, of: T): GgufArrays[T] {
    const value = this.#get<never>(key, `an array of ${of}`, undefined);
    if (value.type === "array" && value.of === of)
      return value.value as GgufArrays[GgufScalarType] as GgufArrays[T];
    return this.#refuse(key, `an array of ${of}`, value);
  }

  #get<T>(key: string, expected: string, fallback: T | undefined): GgufValue | T {
    const value = this.#file.metadata.get(key) ?? fallback;
    if (value !== undefined) return value;
    throw new DllamaError(
      this.#code,
      `${this.#file.path}: expected ${expected} for metadata "${key}", got none`,
    );
  }

  #refuse(key: string, expected: string, value: GgufValue): never {
    const got =
      value.type === "array"
        ? `an array of ${value.of}`
        : `${value.type} ${String(value.value).slice(0, 60)}`;
    throw new DllamaError(
      this.#code,
      `${this.#file.path}: expected ${expected} for metadata "${key}", got ${got}`,
    );
  }
}
