/**
 * Number formats, slowly and obviously: what the converter's bytes are held against. Every f32 step
 * is rounded by `Math.fround`, where the rules of the formats round.
 */

const bits = new DataView(new ArrayBuffer(4));

export function bitsOfF32(value: number): number {
  bits.setFloat32(0, value);
  return bits.getUint32(0);
}

export function bf16ToNumber(half: number): number {
  bits.setUint32(0, half * 2 ** 16);
  return bits.getFloat32(0);
}

/** To the nearest, ties to even, as torch's `.to(torch.bfloat16)`. */
export function numberToBf16(value: number): number {
  const whole = bitsOfF32(value);
  const lower = whole % 2 ** 16;
  const upper = (whole - lower) / 2 ** 16;
  const up = lower > 2 ** 15 || (lower === 2 ** 15 && upper % 2 === 1);
  return up ? upper + 1 : upper;
}

/** IEEE 754 binary16: sign, 5 bits of exponent, 10 of fraction. */
export function f16ToNumber(half: number): number {
  const sign = half >= 0x8000 ? -1 : 1;
  const exponent = Math.floor(half / 2 ** 10) % 32;
  const fraction = half % 2 ** 10;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return exponent === 0
    ? sign * fraction * 2 ** -24
    : sign * (1 + fraction / 2 ** 10) * 2 ** (exponent - 15);
}

/** To the nearest, ties to even; `value` must be finite. */
export function numberToF16(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  // One step of the halves around the value; below 2^-14 all steps are alike.
  const exponent = Math.max(-14, Math.floor(Math.log2(magnitude)));
  const steps = roundTiesToEven(magnitude / 2 ** (exponent - 10));
  return sign + Math.min((exponent + 14) * 2 ** 10 + steps, 0x7c00);
}

export function roundTiesToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest === 0.5) return floor % 2 === 0 ? floor : floor + 1;
  return rest < 0.5 ? floor : floor + 1;
}

type Encoding = "f32" | "f16" | "q80" | "q40";

/** values: (n) f32 -> the bytes of a tensor of this type. */
export function encode(values: Float32Array, type: Encoding): Buffer {
  if (type === "f32")
    return Buffer.from(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  if (type === "f16") return halves([...values].map(numberToF16));
  const blocks: Buffer[] = [];
  for (let start = 0; start < values.length; start += 32) {
    const block = [...values.subarray(start, start + 32)];
    blocks.push(type === "q80" ? blockQ80(block) : blockQ40(block));
  }
  return Buffer.concat(blocks);
}

function blockQ80(block: number[]): Buffer {
  const amax = Math.max(...block.map(Math.abs));
  const inverse = finiteOrZero(Math.fround(127 / amax));
  const quants = block.map((value) => roundTiesToEven(Math.fround(value * inverse)));
  return Buffer.concat([halves([numberToF16(Math.fround(amax / 127))]), Uint8Array.from(quants)]);
}

/** ggml's `quantize_row_q4_0_ref`. */
function blockQ40(block: number[]): Buffer {
  const amax = Math.max(...block.map(Math.abs));
  const largest = block.find((value) => Math.abs(value) === amax) ?? 0;
  const scale = Math.fround(largest / -8);
  const inverse = finiteOrZero(Math.fround(1 / scale));
  const quants = block.map((value) =>
    Math.min(15, Math.trunc(Math.fround(Math.fround(value * inverse) + 8.5))),
  );
  const bytes = quants.slice(0, 16).map((low, n) => low + 16 * (quants[n + 16] ?? 0));
  return Buffer.concat([halves([numberToF16(scale)]), Uint8Array.from(bytes)]);
}

/** Blocks of zeros, or of values so small that their inverse overflows, become zeros. */
function finiteOrZero(inverse: number): number {
  return Number.isFinite(inverse) ? inverse : 0;
}

function halves(values: number[]): Buffer {
  const bytes = Buffer.alloc(2 * values.length);
  values.forEach((value, n) => bytes.writeUInt16LE(value, 2 * n));
  return bytes;
}
