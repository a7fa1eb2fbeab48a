//! Matmuls with F16 and F32 weights: 16 values a step, in two chains of fused
//! multiply-adds for each token, so that one's latency hides behind the other.

use core::arch::x86_64::*;

use bytemuck::Zeroable;
use half::f16;

use super::super::rows::{self, RowDots};
use super::vectors::{load_f16, load_f32, sum_of};
use crate::columns::ColumnsMut;

/// Values a step: two registers of eight.
const STEP: usize = 16;

#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn matmul_f16_f32(w: &[f16], x: &[f32], n_in: usize, out: ColumnsMut<'_>) {
    // SAFETY: this function has the features that the row kernel asks for.
    unsafe { rows::matmul::<F16>(w, n_in, x, n_in, out) }
}

#[target_feature(enable = "avx2,fma,f16c")]
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
        #[target_feature(enable = "avx2,fma,f16c")]
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
        #[target_feature(enable = "avx2,fma,f16c")]
        fn with_load<const T: usize>(w: &[f32], x: [&[f32]; T]) -> [f32; T] {
            row_dots(w, x, |w| load_f32(w))
        }
        // SAFETY: the caller's promise.
        unsafe { with_load(w, x) }
    }
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn row_dots<W: Copy + Zeroable, const T: usize>(
    w: &[W],
    x: [&[f32]; T],
    load: impl Fn(&[W; 8]) -> __m256,
) -> [f32; T] {
    let mut sums = [[_mm256_setzero_ps(); 2]; T];
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
    sums.map(|[even, odd]| sum_of(_mm256_add_ps(even, odd)))
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn step<W, const T: usize>(
    sums: &mut [[__m256; 2]; T],
    w: &[W; STEP],
    x: [&[f32; STEP]; T],
    load: &impl Fn(&[W; 8]) -> __m256,
) {
    let (w, _) = w.as_chunks::<8>();
    let w = [load(&w[0]), load(&w[1])];
    for (sums, x) in sums.iter_mut().zip(x) {
        let (x, _) = x.as_chunks::<8>();
        sums[0] = _mm256_fmadd_ps(w[0], load_f32(&x[0]), sums[0]);
        sums[1] = _mm256_fmadd_ps(w[1], load_f32(&x[1]), sums[1]);
    }
}

/// The rest of a row, filled up with zeros.
fn padded<E: Copy + Zeroable>(rest: &[E]) -> [E; STEP] {
    let mut step = [E::zeroed(); STEP];
    step[..rest.len()].copy_from_slice(rest);
    step
}
