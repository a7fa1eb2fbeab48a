/** Typed access to a file's metadata, with errors that name file and key. */
import { DllamaError } from "../errors.ts";
import type { ErrorCode } from "../errors.ts";
import type { GgufFile } from "./gguf-file.ts";
import { describeValue } from "./value.ts";
import type { GgufValue } from "./value.ts";

/**
 * A key that the file does not have gives the fallback, or an error if there is none. A value of
 * another type is always an error. The error's code is the caller's, MODEL_MALFORMED by default.
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
    const value = this.#file.metadata.get(key);
    if (value?.type === "string") return value.value;
    return this.#missing(key, "a string", value, fallback);
  }

  boolean(key: string, fallback?: boolean): boolean {
    const value = this.#file.metadata.get(key);
    if (value?.type === "bool") return value.value;
    return this.#missing(key, "a boolean", value, fallback);
  }

  /** An integer from 0 to 2^53, of any of the integer types: writers do not agree on one. */
  size(key: string, fallback?: number): number {
    const value = this.#file.metadata.get(key);
    if (value !== undefined && /^u?int/.test(value.type)) {
      const n = Number(value.value);
      if (Number.isSafeInteger(n) && n >= 0) return n;
    }
    return this.#missing(key, "an integer from 0 to 2^53", value, fallback);
  }

  /** A finite number of a floating point type. */
  float(key: string, fallback?: number): number {
    const value = this.#file.metadata.get(key);
    if ((value?.type === "float32" || value?.type === "float64") && Number.isFinite(value.value)) {
      return value.value;
    }
    return this.#missing(key, "a finite float", value, fallback);
  }

  strings(key: string): string[] {
    const value = this.#file.metadata.get(key);
    if (value?.type === "array" && value.of === "string") return value.value;
    return this.#missing(key, "an array of string", value);
  }

  float32s(key: string): Float32Array {
    const value = this.#file.metadata.get(key);
    if (value?.type === "array" && value.of === "float32") return value.value;
    return this.#missing(key, "an array of float32", value);
  }

  int32s(key: string): Int32Array {
    const value = this.#file.metadata.get(key);
    if (value?.type === "array" && value.of === "int32") return value.value;
    return this.#missing(key, "an array of int32", value);
  }

  #missing<T>(key: string, expected: string, value: GgufValue | undefined, fallback?: T): T {
    if (value === undefined && fallback !== undefined) return fallback;
    const got = value === undefined ? "none" : describeValue(value);
    const message = `${this.#file.path}: expected ${expected} for metadata "${key}", got ${got}`;
    throw new DllamaError(this.#code, message, {
      hint: "Use a file made by a current llama.cpp or by `dllama convert`.",
    });
  }
}
