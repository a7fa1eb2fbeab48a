//! Matmuls on Llama 2 7B's shapes: GB/s of weights for one token row, from memory;
//! operations a second (a multiply and an add are two) for 64 and 512 rows.
//!
//! `cargo bench -p dllama-kernels --bench matmul`; a filter for names may follow `--`.

use std::fmt;

use bytemuck::Zeroable;
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use dllama_kernels::{
    BlockQ40, BlockQ80, ColumnsMut, Flow, Isa, Kernels, Line, PanelShape, Pool, f16,
};

fn main() {
    divan::main();
}

const N_IN: usize = 4096;
const N_OUT: usize = 11008;

/// Matrices that are read in turn, so that none is still in a cache when it comes
/// round: 203 MB of Q40, 383 MB of Q80.
const N_MATRICES: usize = 8;

/// Weight rows of the many-rows cases, where arithmetic is the limit.
const N_OUT_MANY: usize = 1024;

/// Rows a thread takes at a time.
const CHUNK: usize = 688;

#[derive(Clone, Copy)]
struct Setup {
    isa: Isa,
    n_threads: usize,
}

impl fmt::Debug for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} x{}", self.isa, self.n_threads)
    }
}

/// Every instruction set, on one thread and on all cores.
fn setups() -> Vec<Setup> {
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
    let mut counts = vec![1, cores];
    counts.dedup();
    Isa::available()
        .flat_map(|isa| {
            counts
                .iter()
                .map(move |&n_threads| Setup { isa, n_threads })
        })
        .collect()
}

/// A type of weights with its type of activations.
trait Pair: Sync {
    type W: Sync;
    type X: Sync;
    /// Values in an element.
    const LEN: usize;
    fn weight(bits: u64) -> Self::W;
    fn input(bits: u64) -> Self::X;
    fn run(k: &Kernels, w: &[Self::W], x: &[Self::X], out: ColumnsMut<'_>);
}

struct Q40;
struct Q80;
struct F16;
struct F32;

fn float(bits: u64) -> f32 {
    bits as u16 as f32 / 65536.0 - 0.5
}

fn q80(bits: u64) -> BlockQ80 {
    BlockQ80 {
        scale: f16::from_f32(float(bits)),
        quants: std::array::from_fn(|i| (bits >> i) as i8),
    }
}

impl Pair for Q40 {
    type W = BlockQ40;
    type X = BlockQ80;
    const LEN: usize = 32;
    fn weight(bits: u64) -> BlockQ40 {
        BlockQ40 {
            scale: f16::from_f32(float(bits)),
            quants: std::array::from_fn(|i| (bits >> i) as u8),
        }
    }
    fn input(bits: u64) -> BlockQ80 {
        q80(bits)
    }
    fn run(k: &Kernels, w: &[BlockQ40], x: &[BlockQ80], out: ColumnsMut<'_>) {
        k.matmul_q40_q80(w, x, N_IN, out);
    }
}

impl Pair for Q80 {
    type W = BlockQ80;
    type X = BlockQ80;
    const LEN: usize = 32;
    fn weight(bits: u64) -> BlockQ80 {
        q80(bits)
    }
    fn input(bits: u64) -> BlockQ80 {
        q80(bits)
    }
    fn run(k: &Kernels, w: &[BlockQ80], x: &[BlockQ80], out: ColumnsMut<'_>) {
        k.matmul_q80_q80(w, x, N_IN, out);
    }
}

impl Pair for F16 {
    type W = f16;
    type X = f32;
    const LEN: usize = 1;
    fn weight(bits: u64) -> f16 {
        f16::from_f32(float(bits))
    }
    fn input(bits: u64) -> f32 {
        float(bits)
    }
    fn run(k: &Kernels, w: &[f16], x: &[f32], out: ColumnsMut<'_>) {
        k.matmul_f16_f32(w, x, N_IN, out);
    }
}

impl Pair for F32 {
    type W = f32;
    type X = f32;
    const LEN: usize = 1;
    fn weight(bits: u64) -> f32 {
        float(bits)
    }
    fn input(bits: u64) -> f32 {
        float(bits)
    }
    fn run(k: &Kernels, w: &[f32], x: &[f32], out: ColumnsMut<'_>) {
        k.matmul_f32_f32(w, x, N_IN, out);
    }
}

/// `n` elements of a multiplicative sequence.
fn elements<E>(n: usize, element: impl Fn(u64) -> E) -> Vec<E> {
    (1..=n as u64)
        .map(|i| element(i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 8))
        .collect()
}

/// The output of all threads.
struct Out(*mut f32);

// SAFETY: every thread writes the columns of its own chunks.
unsafe impl Sync for Out {}

/// One matmul by all threads, as a step of a forward does it.
fn multiply<P: Pair>(pool: &Pool, k: &Kernels, w: &[P::W], x: &[P::X], out: &mut [f32]) {
    let row_len = N_IN / P::LEN;
    let (n_out, n_tokens) = (w.len() / row_len, x.len() / row_len);
    assert_eq!(out.len(), n_out * n_tokens);
    let out = Out(out.as_mut_ptr());
    let out = &out;
    pool.run(|team| {
        for rows in team.chunks(n_out, CHUNK) {
            let w = &w[rows.start * row_len..rows.end * row_len];
            // SAFETY: in `out`, and no other thread has these columns.
            let out = unsafe {
                let first = out.0.add(rows.start);
                ColumnsMut::from_raw(first, n_tokens, n_out, rows.len())
            };
            P::run(k, w, x, out);
        }
    });
}

/// The same with the input packed in panels first, as a forward of many rows does it.
fn multiply_panels(
    pool: &Pool,
    k: &Kernels,
    w: &[BlockQ40],
    x: &[BlockQ80],
    panels: &mut [Line],
    out: &mut [f32],
) {
    let row_len = N_IN / 32;
    let (n_out, n_tokens) = (w.len() / row_len, x.len() / row_len);
    let shape = PanelShape::new(n_tokens, N_IN);
    let (out, lines) = (Out(out.as_mut_ptr()), Lines(panels.as_mut_ptr()));
    let (out, lines) = (&out, &lines);
    pool.run(|team| {
        for steps in team.chunks(shape.n_steps(), 8) {
            let range = shape.lines(steps.clone());
            // SAFETY: in `panels`, and no other thread has these lines.
            let lines =
                unsafe { std::slice::from_raw_parts_mut(lines.0.add(range.start), range.len()) };
            k.pack_panels(x, shape, steps, lines);
        }
        if team.barrier() == Flow::Stop {
            return;
        }
        let all = shape.lines(0..shape.n_steps()).len();
        // SAFETY: all of `panels`, written before the barrier.
        let panels = unsafe { std::slice::from_raw_parts(lines.0, all) };
        for rows in team.chunks(n_out, CHUNK) {
            let w = &w[rows.start * row_len..rows.end * row_len];
            // SAFETY: in `out`, and no other thread has these columns.
            let out = unsafe {
                let first = out.0.add(rows.start);
                ColumnsMut::from_raw(first, n_tokens, n_out, rows.len())
            };
            k.matmul_q40_panels(w, panels, shape, out);
        }
    });
}

/// The panels of all threads.
struct Lines(*mut Line);

// SAFETY: every thread writes the lines of its own chunks.
unsafe impl Sync for Lines {}

#[divan::bench(types = [Q40, Q80, F16, F32], args = setups(), max_time = 3)]
fn one_row<P: Pair>(bencher: Bencher, setup: Setup) {
    let k = Kernels::new(setup.isa).unwrap();
    let pool = Pool::new(setup.n_threads).unwrap();
    let row_len = N_IN / P::LEN;
    let w = elements(N_MATRICES * N_OUT * row_len, P::weight);
    let x = elements(row_len, P::input);
    let mut out = vec![0.0; N_OUT];
    let mut matrices = w.chunks(N_OUT * row_len).cycle();
    bencher
        .counter(BytesCount::new(N_OUT * row_len * size_of::<P::W>()))
        .bench_local(|| multiply::<P>(&pool, &k, matrices.next().unwrap(), &x, &mut out));
}

fn many_rows<P: Pair>(bencher: Bencher, setup: Setup, n_tokens: usize) {
    let k = Kernels::new(setup.isa).unwrap();
    let pool = Pool::new(setup.n_threads).unwrap();
    let row_len = N_IN / P::LEN;
    let w = elements(N_OUT_MANY * row_len, P::weight);
    let x = elements(n_tokens * row_len, P::input);
    let mut out = vec![0.0; n_tokens * N_OUT_MANY];
    bencher
        .counter(ItemsCount::new(2 * N_IN * N_OUT_MANY * n_tokens))
        .bench_local(|| multiply::<P>(&pool, &k, &w, &x, &mut out));
}

#[divan::bench(types = [Q40, Q80, F16, F32], args = setups(), max_time = 1)]
fn rows_64<P: Pair>(bencher: Bencher, setup: Setup) {
    many_rows::<P>(bencher, setup, 64);
}

#[divan::bench(types = [Q40, Q80, F16, F32], args = setups(), max_time = 1)]
fn rows_512<P: Pair>(bencher: Bencher, setup: Setup) {
    many_rows::<P>(bencher, setup, 512);
}

/// Q40 in panels, from memory as a forward of 64 rows reads its weights.
#[divan::bench(args = setups(), max_time = 3)]
fn panels_64(bencher: Bencher, setup: Setup) {
    let k = Kernels::new(setup.isa).unwrap();
    if !k.wants_panels(64) {
        return;
    }
    let pool = Pool::new(setup.n_threads).unwrap();
    let row_len = N_IN / 32;
    let w = elements(N_MATRICES * N_OUT * row_len, Q40::weight);
    let x = elements(64 * row_len, q80);
    let shape = PanelShape::new(64, N_IN);
    let mut panels = vec![Line::zeroed(); shape.lines(0..shape.n_steps()).len()];
    let mut out = vec![0.0; 64 * N_OUT];
    let mut matrices = w.chunks(N_OUT * row_len).cycle();
    bencher
        .counter(ItemsCount::new(2 * N_IN * N_OUT * 64))
        .bench_local(|| {
            let w = matrices.next().unwrap();
            multiply_panels(&pool, &k, w, &x, &mut panels, &mut out);
        });
}

/// Some rows with the bits of one row.
#[divan::bench(args = setups(), consts = [2, 4, 8], max_time = 2)]
fn few_rows<const N: usize>(bencher: Bencher, setup: Setup) {
    let k = Kernels::new(setup.isa).unwrap();
    let pool = Pool::new(setup.n_threads).unwrap();
    let row_len = N_IN / 32;
    let w = elements(N_MATRICES * N_OUT * row_len, Q40::weight);
    let x = elements(N * row_len, q80);
    let mut out = vec![0.0; N * N_OUT];
    let mut matrices = w.chunks(N_OUT * row_len).cycle();
    bencher
        .counter(BytesCount::new(N_OUT * row_len * size_of::<BlockQ40>()))
        .bench_local(|| multiply::<Q40>(&pool, &k, matrices.next().unwrap(), &x, &mut out));
}
