//! Q40 weights with Q80 activations: four blocks, 72 bytes of weights, a step.
//!
//! For one row llvm-mca's model of a Cortex-A76 takes 9.4 cycles a block (`scripts/arm-cycles.mjs`): at 2.4 GHz 4.6
//! GB/s a core, and 18 for the four of a Raspberry Pi 5, whose memory bus ends at 17 (LPDDR4X-4267, 32 bits).

use core::arch::aarch64::*;

use super::super::neon::q40::{GROUP, padded, values_of};
use super::super::neon::vectors::{load_f16, load_i8};
use super::super::prefetch::prefetch_ahead_of;
use super::super::rows::{self, RowDots};
use super::sdot::sdot;
use crate::blocks::{BlockQ40, BlockQ80};
use crate::columns::ColumnsMut;

#[target_feature(enable = "neon,dotprod")]
pub(super) fn matmul_q40_q80(w: &[BlockQ40], x: &[BlockQ80], n_blocks: usize, out: ColumnsMut<'_>) {
    // SAFETY: this function has the features that the row kernel asks for.
    unsafe { rows::matmul::<Q40>(w, n_blocks, x, n_blocks, out) }
}

struct Q40;

impl RowDots for Q40 {
    type Weight = BlockQ40;
    type Input = BlockQ80;

    unsafe fn row_dots<const T: usize>(w: &[BlockQ40], x: [&[BlockQ80]; T]) -> [f32; T] {
        // SAFETY: the caller's promise.
        unsafe { row_dots(w, x) }
    }
}

#[target_feature(enable = "neon,dotprod")]
fn row_dots<const T: usize>(w: &[BlockQ40], x: [&[BlockQ80]; T]) -> [f32; T] {
    let mut sums = [vdupq_n_f32(0.0); T];
    let (groups, rest) = w.as_chunks::<GROUP>();
    let x_groups = x.map(|x| &x.as_chunks::<GROUP>().0[..groups.len()]);
    for (i, w) in groups.iter().enumerate() {
        prefetch_ahead_of(w);
        add_group(&mut sums, w, x_groups.map(|x| &x[i]));
    }
    if !rest.is_empty() {
        let w = padded(rest);
        let x = x.map(|x| padded(x.as_chunks::<GROUP>().1));
        add_group(&mut sums, &w, x.each_ref());
    }
    sums.map(|sum| vaddvq_f32(sum))
}

/// Adds the four blocks' products, a block a lane.
#[inline]
#[target_feature(enable = "neon,dotprod")]
fn add_group<const T: usize>(
    sums: &mut [float32x4_t; T],
    w: &[BlockQ40; GROUP],
    x: [&[BlockQ80; GROUP]; T],
) {
    let w_scales = load_f16(&w.each_ref().map(|w| w.scale));
    let values = [
        values_of(&w[0]),
        values_of(&w[1]),
        values_of(&w[2]),
        values_of(&w[3]),
    ];
    for (sum, x) in sums.iter_mut().zip(x) {
        let x_scales = load_f16(&x.each_ref().map(|x| x.scale));
        let products = vpaddq_s32(
            vpaddq_s32(multiply(values[0], &x[0]), multiply(values[1], &x[1])),
            vpaddq_s32(multiply(values[2], &x[2]), multiply(values[3], &x[3])),
        );
        let scales = vmulq_f32(w_scales, x_scales);
        *sum = vfmaq_f32(*sum, vcvtq_f32_s32(products), scales);
    }
}

/// Four sums of eight products.
#[inline]
#[target_feature(enable = "neon,dotprod")]
fn multiply(w: [int8x16_t; 2], x: &BlockQ80) -> int32x4_t {
    let (x, _) = x.quants.as_chunks::<16>();
    sdot(
        sdot(vdupq_n_s32(0), w[0], load_i8(&x[0])),
        w[1],
        load_i8(&x[1]),
    )
}
