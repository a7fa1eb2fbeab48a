//! The inner loop of a panel: two tokens with two weight rows a register, four times two registers.
//!
//! llvm-mca's model of a Neoverse N1 takes 2.8 cycles a weight block and row (`scripts/arm-cycles.mjs`): arithmetic
//! bounds a prompt, for a block is fetched once for 64 rows. For one row the loop is dotprod's.

use core::arch::aarch64::*;
use core::arch::asm;
use core::ops::Range;

use super::super::neon::expand::{ROWS, Weights, expand};
use super::super::neon::vectors::{load_octs, load_words};
use super::super::panel::expanded::GROUP;
use super::super::panel::in_memory;
use super::super::panel::kernel::PanelKernel;
use super::super::panel::walk;
use super::step::{PAIRS as T, Step};
use crate::blocks::{BlockQ40, BlockQ80};
use crate::table::Panels;

pub(super) const PANELS: Panels = Panels {
    pack: walk::pack::<Kernel>,
    matmul_q40: walk::matmul::<Kernel>,
};

/// Pairs of weight rows.
const PAIRS: usize = ROWS / 2;

/// By weight row and token.
type Sums = [[f32; 2 * T]; ROWS];

struct Kernel;

impl PanelKernel for Kernel {
    const TOKENS: usize = 2 * T;
    /// Whole rows: a panel of 8 tokens is read as one stream, and stays in a second-level cache.
    const BLOCKS: usize = usize::MAX;
    const ROWS: usize = ROWS;
    type Weights = Weights;
    type Step = Step;
    type Sums = Sums;

    unsafe fn pack<'a>(blocks: impl Iterator<Item = &'a BlockQ80>) -> Step {
        Step::pack(blocks)
    }

    unsafe fn expand(w: &[BlockQ40], n_blocks: usize, blocks: Range<usize>, out: &mut [Weights]) {
        // SAFETY: the caller's promise.
        unsafe { expand(w, n_blocks, blocks, out) }
    }

    unsafe fn multiply(w: &[Weights], x: &[Step], _n_tokens: usize, sums: &mut Sums) {
        // SAFETY: the caller's promise.
        unsafe { multiply(w, x, sums) }
    }
}

#[target_feature(enable = "neon,i8mm")]
fn multiply(w: &[Weights], x: &[Step], sums: &mut Sums) {
    for (i, x) in x.iter().enumerate() {
        let (w, block) = (&w[i / GROUP], i % GROUP);
        // Of a pair of rows and a pair of tokens: the first row's sums, then the second's.
        let mut products = [[vdupq_n_s32(0); T]; PAIRS];
        for pair in &mut products {
            for (product, [even, odd]) in pair.iter_mut().zip(&x.offsets) {
                // SAFETY: the array is 16 bytes long.
                *product = unsafe { vld1q_s32([*even, *odd, *even, *odd].as_ptr()) };
            }
        }
        let (low, high) = x.octs.split_at(2);
        add(&mut products, w.each_ref().map(|row| &row.low[block]), low);
        add(
            &mut products,
            w.each_ref().map(|row| &row.high[block]),
            high,
        );
        let sums = in_memory(sums);
        for (pair, products) in products.iter().enumerate() {
            for (t, product) in products.iter().enumerate() {
                let floats = vcvtq_f32_s32(*product);
                // SAFETY: the array has 2 values.
                let x_scales = unsafe { vld1_f32(x.scales[t].as_ptr()) };
                for (row, floats) in [vget_low_f32(floats), vget_high_f32(floats)]
                    .into_iter()
                    .enumerate()
                {
                    let row = 2 * pair + row;
                    let sum = &mut sums[row].as_chunks_mut::<2>().0[t];
                    let scale = vmul_n_f32(x_scales, w[row].scales[block]);
                    // SAFETY: the array has 2 values, and is borrowed mutably.
                    unsafe {
                        let added = vfma_f32(vld1_f32(sum.as_ptr()), floats, scale);
                        vst1_f32(sum.as_mut_ptr(), added);
                    }
                }
            }
        }
    }
}

/// Two octs of each row.
#[inline]
#[target_feature(enable = "neon,i8mm")]
fn add(products: &mut [[int32x4_t; T]; PAIRS], w: [&[u32; 4]; ROWS], x: &[[[[i8; 8]; 2]; T]]) {
    let w = [
        load_words(w[0]),
        load_words(w[1]),
        load_words(w[2]),
        load_words(w[3]),
    ];
    // The first oct of two rows, and the second.
    let octs = [
        [first_halves(w[0], w[1]), first_halves(w[2], w[3])],
        [second_halves(w[0], w[1]), second_halves(w[2], w[3])],
    ];
    for (w, x) in octs.into_iter().zip(x) {
        let x = [
            load_octs(&x[0]),
            load_octs(&x[1]),
            load_octs(&x[2]),
            load_octs(&x[3]),
        ];
        for (products, w) in products.iter_mut().zip(w) {
            for (product, x) in products.iter_mut().zip(x) {
                *product = smmla(*product, w, x);
            }
        }
    }
}

#[inline]
#[target_feature(enable = "neon")]
fn first_halves(a: int8x16_t, b: int8x16_t) -> int8x16_t {
    vcombine_s8(vget_low_s8(a), vget_low_s8(b))
}

#[inline]
#[target_feature(enable = "neon")]
fn second_halves(a: int8x16_t, b: int8x16_t) -> int8x16_t {
    vcombine_s8(vget_high_s8(a), vget_high_s8(b))
}

/// Adds the product of (2, 8) bytes with the transpose of (2, 8) bytes: (2, 2).
#[inline]
#[target_feature(enable = "neon,i8mm")]
fn smmla(sum: int32x4_t, a: int8x16_t, b: int8x16_t) -> int32x4_t {
    let mut sum = sum;
    // SAFETY: reads and writes the named registers and nothing else.
    unsafe {
        asm!(
            "smmla {sum:v}.4s, {a:v}.16b, {b:v}.16b",
            sum = inlateout(vreg) sum,
            a = in(vreg) a,
            b = in(vreg) b,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sum
}
