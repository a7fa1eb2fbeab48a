//! Q40 weights with Q80 activations: AVX2's kernel, with products of four bytes in one instruction.

use core::arch::x86_64::*;

use bytemuck::Zeroable;

use super::super::arranged::for_token_groups;
use super::super::avx2::groups::{GROUP, by_lane};
use super::super::avx2::q40::{Group, nibbles_of_pair};
use super::super::avx2::vectors::{load_f16, load_f32, load_i8, load_i32, neighbours, sum_of};
use super::super::prefetch::prefetch_ahead_of;
use super::super::rows::{self, RowDots};
use crate::blocks::{BlockQ40, BlockQ80};
use crate::columns::ColumnsMut;

#[target_feature(enable = "avx2,fma,f16c,avxvnni")]
pub(super) fn matmul_q40_q80(w: &[BlockQ40], x: &[BlockQ80], n_blocks: usize, out: ColumnsMut<'_>) {
    let multiply = |x: &[Group], out: ColumnsMut<'_>| {
        // SAFETY: this function has the features that the row kernel asks for.
        unsafe { rows::matmul::<Q40>(w, n_blocks, x, n_blocks.div_ceil(GROUP), out) }
    };
    // SAFETY: this function has the features.
    unsafe { for_token_groups(x, n_blocks, out, multiply) }
}

struct Q40;

impl RowDots for Q40 {
    type Weight = BlockQ40;
    type Input = Group;

    unsafe fn row_dots<const T: usize>(w: &[BlockQ40], x: [&[Group]; T]) -> [f32; T] {
        // SAFETY: the caller's promise.
        unsafe { row_dots(w, x) }
    }
}

#[target_feature(enable = "avx2,fma,f16c,avxvnni")]
fn row_dots<const T: usize>(w: &[BlockQ40], x: [&[Group]; T]) -> [f32; T] {
    let mut sums = [_mm256_setzero_ps(); T];
    let (groups, rest) = w.as_chunks::<GROUP>();
    for (i, w) in groups.iter().enumerate() {
        prefetch_ahead_of(w);
        add_group(&mut sums, w, x.map(|x| &x[i]));
    }
    if !rest.is_empty() {
        let mut w = [BlockQ40::zeroed(); GROUP];
        w[..rest.len()].copy_from_slice(rest);
        add_group(&mut sums, &w, x.map(|x| &x[groups.len()]));
    }
    sums.map(|sum| sum_of(sum))
}

/// Adds the eight blocks' products, a block a lane.
#[inline]
#[target_feature(enable = "avx2,fma,f16c,avxvnni")]
fn add_group<const T: usize>(sums: &mut [__m256; T], w: &[BlockQ40; GROUP], x: [&Group; T]) {
    let scales = load_f16(&by_lane(|i| w[i].scale));
    let nibbles = [
        nibbles_of_pair(&w[0], &w[1]),
        nibbles_of_pair(&w[2], &w[3]),
        nibbles_of_pair(&w[4], &w[5]),
        nibbles_of_pair(&w[6], &w[7]),
    ];
    for (sum, x) in sums.iter_mut().zip(x) {
        let [a, b, c, d]: [__m256i; 4] = [
            multiply_pair(&nibbles[0], &x.pairs[0]),
            multiply_pair(&nibbles[1], &x.pairs[1]),
            multiply_pair(&nibbles[2], &x.pairs[2]),
            multiply_pair(&nibbles[3], &x.pairs[3]),
        ];
        let products = merge(merge(a, b), merge(c, d));
        let products = _mm256_sub_epi32(products, load_i32(&x.offsets));
        let scales = _mm256_mul_ps(scales, load_f32(&x.scales));
        *sum = _mm256_fmadd_ps(_mm256_cvtepi32_ps(products), scales, *sum);
    }
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c,avxvnni")]
fn multiply_pair(nibbles: &[__m256i; 2], x: &[[i8; 32]; 2]) -> __m256i {
    let low = _mm256_dpbusd_avx_epi32(_mm256_setzero_si256(), nibbles[0], load_i8(&x[0]));
    _mm256_dpbusd_avx_epi32(low, nibbles[1], load_i8(&x[1]))
}

/// Adds neighbouring elements of `a`, and of `b` beside them.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn merge(a: __m256i, b: __m256i) -> __m256i {
    let (even, odd) = neighbours(a, b);
    _mm256_add_epi32(even, odd)
}
