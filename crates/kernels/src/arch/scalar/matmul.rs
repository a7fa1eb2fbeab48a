//! Inner products of blocks and of floats, one value after the other.

use half::f16;

use crate::arch::rows::{self, RowDots};
use crate::blocks::{BlockQ40, BlockQ80};
use crate::columns::ColumnsMut;

pub(crate) fn matmul_q40_q80(w: &[BlockQ40], x: &[BlockQ80], n_blocks: usize, out: ColumnsMut<'_>) {
    // SAFETY: portable code runs on every machine.
    unsafe { rows::matmul::<Q40>(w, n_blocks, x, n_blocks, out) }
}

pub(crate) fn matmul_q80_q80(w: &[BlockQ80], x: &[BlockQ80], n_blocks: usize, out: ColumnsMut<'_>) {
    // SAFETY: portable code runs on every machine.
    unsafe { rows::matmul::<Q80>(w, n_blocks, x, n_blocks, out) }
}

pub(crate) fn matmul_f16_f32(w: &[f16], x: &[f32], n_in: usize, out: ColumnsMut<'_>) {
    // SAFETY: portable code runs on every machine.
    unsafe { rows::matmul::<F16>(w, n_in, x, n_in, out) }
}

pub(crate) fn matmul_f32_f32(w: &[f32], x: &[f32], n_in: usize, out: ColumnsMut<'_>) {
    // SAFETY: portable code runs on every machine.
    unsafe { rows::matmul::<F32>(w, n_in, x, n_in, out) }
}

struct Q40;
struct Q80;
struct F16;
struct F32;

impl RowDots for Q40 {
    type Weight = BlockQ40;
    type Input = BlockQ80;

    unsafe fn row_dots<const T: usize>(w: &[BlockQ40], x: [&[BlockQ80]; T]) -> [f32; T] {
        let mut sums = [0.0; T];
        for (i, w) in w.iter().enumerate() {
            let values = w.values();
            for (sum, x) in sums.iter_mut().zip(x) {
                *sum += block_dot(w.scale, &values, &x[i]);
            }
        }
        sums
    }
}

impl RowDots for Q80 {
    type Weight = BlockQ80;
    type Input = BlockQ80;

    unsafe fn row_dots<const T: usize>(w: &[BlockQ80], x: [&[BlockQ80]; T]) -> [f32; T] {
        x.map(|x| {
            let products = w.iter().zip(x);
            products.fold(0.0, |sum, (w, x)| sum + block_dot(w.scale, &w.quants, x))
        })
    }
}

impl RowDots for F16 {
    type Weight = f16;
    type Input = f32;

    unsafe fn row_dots<const T: usize>(w: &[f16], x: [&[f32]; T]) -> [f32; T] {
        let mut sums = [0.0; T];
        for (i, w) in w.iter().enumerate() {
            let w = w.to_f32_const();
            for (sum, x) in sums.iter_mut().zip(x) {
                *sum += w * x[i];
            }
        }
        sums
    }
}

impl RowDots for F32 {
    type Weight = f32;
    type Input = f32;

    unsafe fn row_dots<const T: usize>(w: &[f32], x: [&[f32]; T]) -> [f32; T] {
        x.map(|x| w.iter().zip(x).fold(0.0, |sum, (w, x)| sum + w * x))
    }
}

/// Exact in i32 (at most 32 * 128 * 128 = 2^19) until the scales come in.
#[inline(always)]
fn block_dot(scale: f16, w: &[i8; 32], x: &BlockQ80) -> f32 {
    let products = w.iter().zip(&x.quants);
    let sum: i32 = products.map(|(&w, &x)| i32::from(w) * i32::from(x)).sum();
    scale.to_f32_const() * x.scale.to_f32_const() * sum as f32
}
