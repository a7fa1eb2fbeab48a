//! Matmuls: lengths around every edge, windows, and values.

use bytemuck::Zeroable;
use dllama_kernels::{BlockQ40, BlockQ80, ColumnsMut, Kernels, Line, PanelShape, f16};

use crate::data::Random;
use crate::isas;
use crate::reference::{Exact, dot, sum_bound};

/// One pair of types. `row_len` counts elements of the formats: values or blocks.
pub trait Pair {
    type W: Exact;
    type X: Exact;
    const NAME: &str;
    /// Row lengths around each step of a kernel, in elements.
    fn row_lens() -> Vec<usize>;
    fn weights(random: &mut Random, n: usize) -> Vec<Self::W>;
    fn inputs(random: &mut Random, n: usize) -> Vec<Self::X>;
    fn run(k: &Kernels, w: &[Self::W], x: &[Self::X], row_len: usize, out: ColumnsMut<'_>);
}

macro_rules! pair {
    ($pair:ident, $w:ty, $x:ty, $method:ident, $weights:ident, $inputs:ident, $lens:expr) => {
        pub struct $pair;
        impl Pair for $pair {
            type W = $w;
            type X = $x;
            const NAME: &str = stringify!($method);
            fn row_lens() -> Vec<usize> {
                $lens.collect()
            }
            fn weights(random: &mut Random, n: usize) -> Vec<$w> {
                random.$weights(n)
            }
            fn inputs(random: &mut Random, n: usize) -> Vec<$x> {
                random.$inputs(n)
            }
            fn run(k: &Kernels, w: &[$w], x: &[$x], row_len: usize, out: ColumnsMut<'_>) {
                k.$method(w, x, row_len * <$w as Exact>::LEN, out);
            }
        }
    };
}

// A step is 4 or 8 blocks, or 8 or 16 floats.
pair!(
    Q40Q80,
    BlockQ40,
    BlockQ80,
    matmul_q40_q80,
    q40,
    q80,
    (0..=17).chain([31, 64, 129])
);
pair!(
    Q80Q80,
    BlockQ80,
    BlockQ80,
    matmul_q80_q80,
    q80,
    q80,
    (0..=17).chain([31, 64, 129])
);
pair!(
    F16F32,
    f16,
    f32,
    matmul_f16_f32,
    halves,
    floats,
    (0..=33).chain([63, 64, 65, 288, 1000])
);
pair!(
    F32F32,
    f32,
    f32,
    matmul_f32_f32,
    floats,
    floats,
    (0..=33).chain([63, 64, 65, 288, 1000])
);

/// Q40 weights with Q80 activations in panels; without them where an instruction set has none.
pub struct Q40Panels;

impl Pair for Q40Panels {
    type W = BlockQ40;
    type X = BlockQ80;
    const NAME: &str = "matmul_q40_panels";

    fn row_lens() -> Vec<usize> {
        Q40Q80::row_lens()
    }

    fn weights(random: &mut Random, n: usize) -> Vec<BlockQ40> {
        random.q40(n)
    }

    fn inputs(random: &mut Random, n: usize) -> Vec<BlockQ80> {
        random.q80(n)
    }

    /// Packs in two parts, as two threads would.
    fn run(k: &Kernels, w: &[BlockQ40], x: &[BlockQ80], row_len: usize, out: ColumnsMut<'_>) {
        if !k.wants_panels(64) {
            return Q40Q80::run(k, w, x, row_len, out);
        }
        let shape = PanelShape::new(out.n_rows(), row_len * 32);
        let n = shape.n_steps();
        let mut panels = vec![Line::zeroed(); shape.lines(0..n).len()];
        for steps in [0..n / 3, n / 3..n] {
            let lines = shape.lines(steps.clone());
            k.pack_panels(x, shape, steps, &mut panels[lines]);
        }
        k.matmul_q40_panels(w, &panels, shape, out);
    }
}

/// Runs a generic test for every pair of types and every instruction set.
macro_rules! for_every_pair {
    ($test:ident, $generic:ident) => {
        #[test]
        fn $test() {
            for k in isas::all() {
                $generic::<Q40Q80>(&k);
                $generic::<Q40Panels>(&k);
                $generic::<Q80Q80>(&k);
                $generic::<F16F32>(&k);
                $generic::<F32F32>(&k);
            }
        }
    };
}
pub(crate) use for_every_pair;

/// The product as a matrix of its own.
pub fn product<P: Pair>(
    k: &Kernels,
    w: &[P::W],
    x: &[P::X],
    row_len: usize,
    n_out: usize,
    n_tokens: usize,
) -> Vec<f32> {
    let mut out = vec![f32::NAN; n_tokens * n_out];
    P::run(k, w, x, row_len, ColumnsMut::all(&mut out, n_out));
    out
}

for_every_pair!(products_are_within_the_bound_of_their_sums, check_products);

/// Slices begin one element into their buffers, so that no vector is aligned.
fn check_products<P: Pair>(k: &Kernels) {
    let mut random = Random::new(3);
    for row_len in P::row_lens() {
        for (n_out, n_tokens) in [
            (1, 1),
            (3, 2),
            (2, 3),
            (5, 4),
            (1, 5),
            (2, 9),
            (17, 16),
            (5, 65),
        ] {
            let w = P::weights(&mut random, n_out * row_len + 1);
            let x = P::inputs(&mut random, n_tokens * row_len + 1);
            let (w, x) = (&w[1..], &x[1..]);
            let out = product::<P>(k, w, x, row_len, n_out, n_tokens);
            for (token, out) in out.chunks(n_out).enumerate() {
                for (row, &got) in out.iter().enumerate() {
                    let w = &w[row * row_len..][..row_len];
                    let x = &x[token * row_len..][..row_len];
                    let (expected, magnitudes) = dot(w, x);
                    let error = (f64::from(got) - expected).abs();
                    assert!(
                        error <= sum_bound(row_len, magnitudes),
                        "{} {} row_len {row_len} ({token}, {row}): {got}, expected {expected}",
                        k.isa(),
                        P::NAME,
                    );
                }
            }
        }
    }
}

for_every_pair!(only_the_window_is_written, check_window);

fn check_window<P: Pair>(k: &Kernels) {
    let mut random = Random::new(4);
    let (row_len, stride, n_tokens) = (9, 7, 6);
    let w = P::weights(&mut random, stride * row_len);
    let x = P::inputs(&mut random, n_tokens * row_len);
    let whole = product::<P>(k, &w, &x, row_len, stride, n_tokens);
    for columns in [0..7, 0..3, 2..6, 6..7, 4..4] {
        let mut out = vec![f32::NAN; n_tokens * stride];
        let w = &w[columns.start * row_len..columns.end * row_len];
        P::run(
            k,
            w,
            &x,
            row_len,
            ColumnsMut::new(&mut out, stride, columns.clone()),
        );
        for (i, (got, whole)) in out.iter().zip(&whole).enumerate() {
            if columns.contains(&(i % stride)) {
                assert_eq!(got.to_bits(), whole.to_bits(), "{} {}", k.isa(), P::NAME);
            } else {
                assert!(got.is_nan(), "{} {} wrote outside", k.isa(), P::NAME);
            }
        }
    }
}

/// Rows so long that kernels take fewer of them at a time than of others.
#[test]
fn a_long_row_has_the_bits_that_it_has_alone() {
    for k in isas::all() {
        check_long_rows::<Q40Q80>(&k);
        check_long_rows::<Q80Q80>(&k);
    }
}

fn check_long_rows<P: Pair>(k: &Kernels) {
    let mut random = Random::new(9);
    let (n_blocks, n_out, n_tokens) = (4097, 2, 66);
    let w = P::weights(&mut random, n_out * n_blocks);
    let x = P::inputs(&mut random, n_tokens * n_blocks);
    let all = product::<P>(k, &w, &x, n_blocks, n_out, n_tokens);
    for (token, row) in x.chunks_exact(n_blocks).enumerate() {
        let alone = product::<P>(k, &w, row, n_blocks, n_out, 1);
        let among = &all[token * n_out..(token + 1) * n_out];
        assert_eq!(among, alone, "{} {:?}, row {token}", P::NAME, k.isa());
    }
}

#[test]
fn a_broken_scale_spoils_its_own_row_and_token_alone() {
    for k in isas::all() {
        check_broken_scale::<Q40Q80>(&k);
        check_broken_scale::<Q40Panels>(&k);
    }
}

fn check_broken_scale<P: Pair<W = BlockQ40, X = BlockQ80>>(k: &Kernels) {
    for broken in [f16::INFINITY, f16::NEG_INFINITY, f16::NAN] {
        let mut random = Random::new(5);
        let (n, n_out, n_tokens) = (11, 3, 6);
        let mut w = random.q40(n_out * n);
        let mut x = random.q80(n_tokens * n);
        let before = product::<P>(k, &w, &x, n, n_out, n_tokens);
        w[n + 9].scale = broken;
        x[4 * n + 2].scale = broken;
        let after = product::<P>(k, &w, &x, n, n_out, n_tokens);
        for i in 0..n_out * n_tokens {
            if i % n_out == 1 || i / n_out == 4 {
                assert!(!after[i].is_finite());
            } else {
                assert_eq!(after[i].to_bits(), before[i].to_bits());
            }
        }
    }
}

/// An input that can hold what is no number.
pub trait Spoil {
    fn spoil(&mut self);
}

impl Spoil for BlockQ80 {
    fn spoil(&mut self) {
        *self = BlockQ80::NAN;
    }
}

impl Spoil for f32 {
    fn spoil(&mut self) {
        *self = f32::NAN;
    }
}

for_every_pair!(
    a_nan_spoils_all_of_its_own_row_and_nothing_else,
    check_nan_rows
);

/// For one row, a few and many, in each place of the kernels' groups; with weights of 0, too.
fn check_nan_rows<P: Pair<X: Spoil>>(k: &Kernels) {
    let mut random = Random::new(6);
    let (n, n_out) = (P::row_lens()[15], 9);
    for n_tokens in [1, 2, 3, 4, 5, 8, 17, 66] {
        let w = P::weights(&mut random, n_out * n);
        let x = P::inputs(&mut random, n_tokens * n);
        let before = product::<P>(k, &w, &x, n, n_out, n_tokens);
        for bad in [0, 1, n_tokens / 2, n_tokens - 1] {
            let bad = bad.min(n_tokens - 1);
            let mut x = x.to_vec();
            x[bad * n + n - 1].spoil();
            let after = product::<P>(k, &w, &x, n, n_out, n_tokens);
            for (i, (after, before)) in after.iter().zip(&before).enumerate() {
                if i / n_out == bad {
                    assert!(after.is_nan(), "{} {}", k.isa(), P::NAME);
                } else {
                    let name = P::NAME;
                    assert_eq!(after.to_bits(), before.to_bits(), "{} {name}", k.isa());
                }
            }
        }
    }
}

#[test]
#[should_panic(expected = "whole blocks")]
fn a_row_of_half_a_block_panics() {
    isas::scalar().matmul_q40_q80(&[], &[], 16, ColumnsMut::all(&mut [], 0));
}

#[test]
#[should_panic(expected = "x has 5 elements, expected Some(6)")]
fn a_wrong_length_panics() {
    isas::scalar().matmul_f32_f32(&[0.0; 6], &[0.0; 5], 3, ColumnsMut::all(&mut [0.0; 4], 2));
}
