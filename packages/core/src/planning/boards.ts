/**
 * Boards that are known by name, each with the public source of its figures. They are what the hardware
 * can do, not what dllama was measured at: `--devices FILE` takes measured ones.
 *
 * GB/s: twice what one core copies a second, which is read and written, unless a source has the rate that
 * weights are read at. GOPS: 2 x weights x prompt tokens a second, where a source has prompts of Q8_0; for
 * other boards, Linpack's Gflops times the ratio of the two on a board that has both: 3.3 with dot products
 * of bytes (Raspberry Pi 5), 1.9 without (Raspberry Pi 4).
 */

export interface Board {
  name: string;
  /** For people. */
  title: string;
  gbPerSecond: number;
  gops: number;
  /** Of the model that is sold most for such work. */
  ramGib: number;
  sources: readonly string[];
}

const SBC_BENCH = "https://github.com/ThomasKaiser/sbc-bench/blob/master/Results.md";
const LLAMAFILE = "https://justine.lol/matmul/";
const LINPACK = "https://github.com/geerlingguy/top500-benchmark#results";

export const BOARDS: readonly Board[] = [
  {
    name: "pi3",
    title: "Raspberry Pi 3B+",
    // memcpy 1130 MB/s.
    gbPerSecond: 2.3,
    // 3240 of the Raspberry Pi 4's 5760 in 7-zip, of its 22.
    gops: 12,
    ramGib: 1,
    sources: [SBC_BENCH],
  },
  {
    name: "pi4",
    title: "Raspberry Pi 4B",
    // STREAM: 5.56 GB/s at best, triad 4.84; memcpy 2550 MB/s.
    gbPerSecond: 5,
    // TinyLlama 1.1B Q8_0: 10 prompt tokens a second.
    gops: 22,
    ramGib: 4,
    sources: ["https://www.sci-pi.org.uk/bench/stream.html", SBC_BENCH, LLAMAFILE],
  },
  {
    name: "pi5",
    title: "Raspberry Pi 5",
    // Decode of a Q40 model reads 11.4 GB/s on each of four boards.
    gbPerSecond: 11.4,
    // TinyLlama 1.1B Q8_0: 45 prompt tokens a second.
    gops: 99,
    ramGib: 8,
    sources: [
      "https://hellomatik.com/research/hitting-the-memory-wall-30b-moe-raspberry-pi",
      LLAMAFILE,
    ],
  },
  {
    name: "orangepi5",
    title: "Orange Pi 5 (RK3588S)",
    // Of another board with this processor: copy 12.0 GB/s.
    gbPerSecond: 24,
    // Linpack: 53.3 Gflops.
    gops: 176,
    ramGib: 8,
    sources: ["https://github.com/geerlingguy/sbc-reviews/issues/38", LINPACK],
  },
  {
    name: "n100",
    title: "mini PC with an Intel N100, one channel of DDR5",
    // memcpy 11600 MB/s.
    gbPerSecond: 23,
    // Linpack: 37.2 Gflops at 16 W, 62.9 at 25 W; AVX-VNNI has dot products of bytes.
    gops: 123,
    ramGib: 16,
    sources: ["https://github.com/ThomasKaiser/sbc-bench/issues/65", LINPACK],
  },
  {
    name: "jetson-nano",
    title: "NVIDIA Jetson Nano, its processor alone",
    // memcpy 3730 MB/s.
    gbPerSecond: 7.4,
    // 5250 in 7-zip where the Raspberry Pi 4 has 5760; no dot products of bytes either.
    gops: 20,
    ramGib: 4,
    sources: [SBC_BENCH],
  },
];
