//! Q40 weights with Q80 activations: four blocks, 72 bytes of weights, a step.
//!
//! For one row llvm-mca's model of a Cortex-A72 takes 9.4 cycles a block (`scripts/arm-cycles.mjs`): at 1.5 GHz 2.9
//! GB/s a core. A Raspberry Pi 4's memory gives its four cores 5.6 GB/s (STREAM, sci-pi.org.uk/bench/stream.html; its
//! bus 12.8), so that two of them keep it busy: memory bounds a token there, not this loop. Four rows at once take 5.3 cycles a block
//! and row, of which the multiplies alone are 4: there is little to gain by panels.

use core::arch::aarch64::*;

use bytemuck::Zeroable;

use super::super::prefetch::prefetch_ahead_of;
use super::super::rows::{self, RowDots};
use super::vectors::{load_f16, load_i8, load_u8};
use crate::blocks::{BlockQ40, BlockQ80};
use crate::columns::ColumnsMut;

/// Blocks a step: their scales, or their sums, fill a register.
pub(in crate::arch) const GROUP: usize = 4;

#[target_feature(enable = "neon")]
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

#[target_feature(enable = "neon")]
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
#[target_feature(enable = "neon")]
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
        // Each i16 is a sum of four products, at most 4 * 8 * 128 = 4,096; after two
        // pairwise additions of sixteen, at most 16,384.
        let halves = vpaddq_s16(
            vpaddq_s16(multiply(values[0], &x[0]), multiply(values[1], &x[1])),
            vpaddq_s16(multiply(values[2], &x[2]), multiply(values[3], &x[3])),
        );
        let products = vcvtq_f32_s32(vpaddlq_s16(halves));
        *sum = vfmaq_f32(*sum, products, vmulq_f32(w_scales, x_scales));
    }
}

/// The first 16 values, then the last.
#[inline]
#[target_feature(enable = "neon")]
pub(in crate::arch) fn values_of(block: &BlockQ40) -> [int8x16_t; 2] {
    let bytes = load_u8(&block.quants);
    let low = vreinterpretq_s8_u8(vandq_u8(bytes, vdupq_n_u8(15)));
    let high = vreinterpretq_s8_u8(vshrq_n_u8::<4>(bytes));
    [vsubq_s8(low, vdupq_n_s8(8)), vsubq_s8(high, vdupq_n_s8(8))]
}

#[inline]
#[target_feature(enable = "neon")]
fn multiply(w: [int8x16_t; 2], x: &BlockQ80) -> int16x8_t {
    let (x, _) = x.quants.as_chunks::<16>();
    let x = [load_i8(&x[0]), load_i8(&x[1])];
    let sum = vmull_s8(vget_low_s8(w[0]), vget_low_s8(x[0]));
    let sum = vmlal_high_s8(sum, w[0], x[0]);
    let sum = vmlal_s8(sum, vget_low_s8(w[1]), vget_low_s8(x[1]));
    vmlal_high_s8(sum, w[1], x[1])
}

/// The rest of a row, filled up with zeros.
pub(in crate::arch) fn padded<B: Copy + Zeroable>(rest: &[B]) -> [B; GROUP] {
    let mut group = [B::zeroed(); GROUP];
    group[..rest.len()].copy_from_slice(rest);
    group
}
