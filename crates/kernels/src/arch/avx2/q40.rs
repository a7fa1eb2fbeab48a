//! Q40 weights with Q80 activations: a group of eight blocks, 144 bytes of weights,
//! a step.
//!
//! Nibbles are multiplied as they are, 0 to 15, for `maddubs` wants one side
//! unsigned; what that adds is taken off once a block. Until then all is exact.

use core::arch::x86_64::*;
use core::cell::RefCell;
use std::thread::LocalKey;

use bytemuck::Zeroable;

use super::super::arranged::{Arranged, for_token_groups};
use super::super::prefetch::prefetch_ahead_of;
use super::super::rows::{self, RowDots};
use super::groups::{GROUP, by_lane};
use super::vectors::{
    load_f16, load_f32, load_i8, load_i32, load_pair, neighbours, store_f32, sum_of,
};
use crate::blocks::{BlockQ40, BlockQ80};
use crate::columns::ColumnsMut;

#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn matmul_q40_q80(w: &[BlockQ40], x: &[BlockQ80], n_blocks: usize, out: ColumnsMut<'_>) {
    let multiply = |x: &[Group], out: ColumnsMut<'_>| {
        // SAFETY: this function has the features that the row kernel asks for.
        unsafe { rows::matmul::<Q40>(w, n_blocks, x, n_blocks.div_ceil(GROUP), out) }
    };
    // SAFETY: this function has the features.
    unsafe { for_token_groups(x, n_blocks, out, multiply) }
}

/// Eight blocks of activations.
#[repr(C, align(32))]
#[derive(Clone, Copy, Zeroable)]
pub(in crate::arch) struct Group {
    /// A pair of blocks: the first 16 values of both, then the last 16 of both.
    pub pairs: [[[i8; 32]; 2]; GROUP / 2],
    /// By lane.
    pub scales: [f32; GROUP],
    /// By lane, 8 times the sum of a block's values: what it adds to the product
    /// that nibbles are 8 more than the weights.
    pub offsets: [i32; GROUP],
}

impl Arranged for Group {
    const GROUP: usize = GROUP;

    unsafe fn arrange(blocks: &[BlockQ80]) -> Self {
        // SAFETY: the caller's promise.
        unsafe { arrange(blocks) }
    }

    fn scratch() -> &'static LocalKey<RefCell<Vec<Self>>> {
        thread_local! {
            static SCRATCH: RefCell<Vec<Group>> = const { RefCell::new(Vec::new()) };
        }
        &SCRATCH
    }
}

#[target_feature(enable = "avx2,fma,f16c")]
fn arrange(blocks: &[BlockQ80]) -> Group {
    let mut padded = [BlockQ80::zeroed(); GROUP];
    padded[..blocks.len()].copy_from_slice(blocks);
    let mut group = Group::zeroed();
    let mut sums = [0; GROUP];
    for (i, block) in padded.iter().enumerate() {
        let (halves, _) = block.quants.as_chunks::<16>();
        for (register, half) in group.pairs[i / 2].iter_mut().zip(halves) {
            register[i % 2 * 16..][..16].copy_from_slice(half);
        }
        sums[i] = block.quants.iter().map(|&q| i32::from(q)).sum();
    }
    store_f32(&mut group.scales, load_f16(&by_lane(|i| padded[i].scale)));
    group.offsets = by_lane(|i| 8 * sums[i]);
    group
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

#[target_feature(enable = "avx2,fma,f16c")]
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
#[target_feature(enable = "avx2,fma,f16c")]
fn add_group<const T: usize>(sums: &mut [__m256; T], w: &[BlockQ40; GROUP], x: [&Group; T]) {
    let scales = load_f16(&by_lane(|i| w[i].scale));
    let nibbles = [
        nibbles_of_pair(&w[0], &w[1]),
        nibbles_of_pair(&w[2], &w[3]),
        nibbles_of_pair(&w[4], &w[5]),
        nibbles_of_pair(&w[6], &w[7]),
    ];
    for (sum, x) in sums.iter_mut().zip(x) {
        // Each i16 is a sum of four products, at most 4 * 15 * 128 = 7,680; after
        // the merges of sixteen, at most 30,720.
        let [a, b, c, d]: [__m256i; 4] = [
            multiply_pair(&nibbles[0], &x.pairs[0]),
            multiply_pair(&nibbles[1], &x.pairs[1]),
            multiply_pair(&nibbles[2], &x.pairs[2]),
            multiply_pair(&nibbles[3], &x.pairs[3]),
        ];
        let halves = merge(merge(a, b), merge(c, d));
        let products = _mm256_madd_epi16(halves, _mm256_set1_epi16(1));
        let products = _mm256_sub_epi32(products, load_i32(&x.offsets));
        let scales = _mm256_mul_ps(scales, load_f32(&x.scales));
        *sum = _mm256_fmadd_ps(_mm256_cvtepi32_ps(products), scales, *sum);
    }
}

/// Low nibbles, then high nibbles; one block a half of the register.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
pub(in crate::arch) fn nibbles_of_pair(even: &BlockQ40, odd: &BlockQ40) -> [__m256i; 2] {
    let mask = _mm256_set1_epi8(15);
    let bytes = load_pair(&even.quants, &odd.quants);
    let low = _mm256_and_si256(bytes, mask);
    let high = _mm256_and_si256(_mm256_srli_epi16::<4>(bytes), mask);
    [low, high]
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn multiply_pair(nibbles: &[__m256i; 2], x: &[[i8; 32]; 2]) -> __m256i {
    _mm256_add_epi16(
        _mm256_maddubs_epi16(nibbles[0], load_i8(&x[0])),
        _mm256_maddubs_epi16(nibbles[1], load_i8(&x[1])),
    )
}

/// Adds neighbouring 32-bit pairs of `a`, and of `b` beside them, as i16.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn merge(a: __m256i, b: __m256i) -> __m256i {
    let (even, odd) = neighbours(a, b);
    _mm256_add_epi16(even, odd)
}
