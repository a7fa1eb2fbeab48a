//! The inner loop of a panel: 4 tokens a register, four registers, four weight rows.

use core::arch::aarch64::*;
use core::ops::Range;

use super::super::neon::expand::{ROWS, Weights, expand};
use super::super::neon::vectors::{load_f32, load_i32, load_quads, load_words};
use super::super::panel::expanded::GROUP;
use super::super::panel::in_memory;
use super::super::panel::kernel::PanelKernel;
use super::super::panel::step::{self, HALF};
use super::super::panel::walk;
use super::sdot::sdot_lane;
use crate::blocks::{BlockQ40, BlockQ80};
use crate::table::Panels;

pub(super) const PANELS: Panels = Panels {
    pack: walk::pack::<Kernel>,
    matmul_q40: walk::matmul::<Kernel>,
};

/// Tokens in a register.
const LANES: usize = 4;
/// Registers of tokens that the inner loop works on.
const T: usize = 4;

type Step = step::Step<i32, LANES, T>;

/// By weight row and token.
type Sums = [[f32; T * LANES]; ROWS];

struct Kernel;

impl PanelKernel for Kernel {
    const TOKENS: usize = T * LANES;
    /// Whole rows: a panel of 16 tokens is read as one stream, and stays in a second-level cache.
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

#[target_feature(enable = "neon,dotprod")]
fn multiply(w: &[Weights], x: &[Step], sums: &mut Sums) {
    for (i, x) in x.iter().enumerate() {
        let (w, block) = (&w[i / GROUP], i % GROUP);
        let mut products = [[vdupq_n_s32(0); T]; ROWS];
        for row in &mut products {
            for (product, offset) in row.iter_mut().zip(&x.offsets) {
                *product = load_i32(offset);
            }
        }
        let (low, high) = x.quads.split_at(HALF);
        add(&mut products, w.each_ref().map(|row| &row.low[block]), low);
        add(
            &mut products,
            w.each_ref().map(|row| &row.high[block]),
            high,
        );
        let rows = w.iter().zip(products).zip(in_memory(sums));
        for ((w, products), sums) in rows {
            let (sums, _) = sums.as_chunks_mut::<LANES>();
            for ((product, x_scales), sum) in products.into_iter().zip(&x.scales).zip(sums) {
                let scale = vmulq_n_f32(load_f32(x_scales), w.scales[block]);
                let added = vfmaq_f32(load_f32(sum), vcvtq_f32_s32(product), scale);
                // SAFETY: the reference is valid for the 16 bytes that are written.
                unsafe { vst1q_f32(sum.as_mut_ptr(), added) };
            }
        }
    }
}

/// Four quads of each row.
#[inline]
#[target_feature(enable = "neon,dotprod")]
fn add(
    products: &mut [[int32x4_t; T]; ROWS],
    w: [&[u32; HALF]; ROWS],
    x: &[[[[i8; 4]; LANES]; T]],
) {
    let w = [
        load_words(w[0]),
        load_words(w[1]),
        load_words(w[2]),
        load_words(w[3]),
    ];
    add_quad::<0>(products, w, &x[0]);
    add_quad::<1>(products, w, &x[1]);
    add_quad::<2>(products, w, &x[2]);
    add_quad::<3>(products, w, &x[3]);
}

#[inline]
#[target_feature(enable = "neon,dotprod")]
fn add_quad<const QUAD: u8>(
    products: &mut [[int32x4_t; T]; ROWS],
    w: [int8x16_t; ROWS],
    x: &[[[i8; 4]; LANES]; T],
) {
    let x = [
        load_quads(&x[0]),
        load_quads(&x[1]),
        load_quads(&x[2]),
        load_quads(&x[3]),
    ];
    for (products, w) in products.iter_mut().zip(w) {
        for (product, x) in products.iter_mut().zip(x) {
            *product = sdot_lane::<QUAD>(*product, x, w);
        }
    }
}
