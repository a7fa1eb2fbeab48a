//! Matmuls with F16 and F32 weights: 8 values a step, in two chains of fused
//! multiply-adds for each token, so that one's latency hides behind the other.

use core::arch::aarch64::*;

use bytemuck::Zeroable;
use half::f16;

use super::super::rows::{self, RowDots};
use super::vectors::{load_f16, load_f32};
use crate::columns::ColumnsMut;

/// Values a step: two registers of four.
const STEP: usize = 8;

#[target_feature(enable = "neon")]
pub(super) fn matmul_f16_f32(w: &[f16], x: &[f32], n_in: usize, out: ColumnsMut<'_>) {
    // SAFETY: this function has the features that the row kernel asks for.
    unsafe { rows::matmul::<F16>(w, n_in, x, n_in, out) }
}

#[target_feature(enable = "neon")]
pub(super) fn matmul_f32_f32(w: &[f32], x: &[f32], n_in: usize, out: ColumnsMut<'_>) {
    // SAFETY: this function has the features that the row kernel asks for.
    unsafe { rows::matmul::<F32>(w, n_in, x, n_in, out) }
}

struct F16;
struct F32;

impl RowDots for F16 {
    type Weight = f16;
    type Input = f32;

    unsafe fn row_dots<const T: usize>(w: &[f16], x: [&[f32]; T]) -> [f32; T] {
        /// The loop with its load.
        #[target_feature(enable = "neon")]
        fn with_load<const T: usize>(w: &[f16], x: [&[f32]; T]) -> [f32; T] {
            row_dots(w, x, |w| load_f16(w))
        }
        // SAFETY: the caller's promise.
        unsafe { with_load(w, x) }
    }
}

impl RowDots for F32 {
    type Weight = f32;
    type Input = f32;

    unsafe fn row_dots<const T: usize>(w: &[f32], x: [&[f32]; T]) -> [f32; T] {
        /// The loop with its load.
        #[target_feature(enable = "neon")]
        fn with_load<const T: usize>(w: &[f32], x: [&[f32]; T]) -> [f32; T] {
            row_dots(w, x, |w| load_f32(w))
        }
        // SAFETY: the caller's promise.
        unsafe { with_load(w, x) }
    }
}

#[inline]
#[target_feature(enable = "neon")]
fn row_dots<W: Copy + Zeroable, const T: usize>(
    w: &[W],
    x: [&[f32]; T],
    load: impl Fn(&[W; 4]) -> float32x4_t,
) -> [f32; T] {
    let mut sums = [[vdupq_n_f32(0.0); 2]; T];
    let (steps, rest) = w.as_chunks::<STEP>();
    let x_steps = x.map(|x| &x.as_chunks::<STEP>().0[..steps.len()]);
    for (i, w) in steps.iter().enumerate() {
        step(&mut sums, w, x_steps.map(|x| &x[i]), &load);
    }
    if !rest.is_empty() {
        let w = padded(rest);
        let x = x.map(|x| padded(x.as_chunks::<STEP>().1));
        step(&mut sums, &w, x.each_ref(), &load);
    }
    sums.map(|[even, odd]| vaddvq_f32(vaddq_f32(even, odd)))
}

#[inline]
#[target_feature(enable = "neon")]
fn step<W, const T: usize>(
    sums: &mut [[float32x4_t; 2]; T],
    w: &[W; STEP],
    x: [&[f32; STEP]; T],
    load: &impl Fn(&[W; 4]) -> float32x4_t,
) {
    let (w, _) = w.as_chunks::<4>();
    let w = [load(&w[0]), load(&w[1])];
    for (sums, x) in sums.iter_mut().zip(x) {
        let (x, _) = x.as_chunks::<4>();
        sums[0] = vfmaq_f32(sums[0], w[0], load_f32(&x[0]));
        sums[1] = vfmaq_f32(sums[1], w[1], load_f32(&x[1]));
    }
}

/// The rest of a row, filled up with zeros.
fn padded<E: Copy + Zeroable>(rest: &[E]) -> [E; STEP] {
    let mut step = [E::zeroed(); STEP];
    step[..rest.len()].copy_from_slice(rest);
    step
}
