//! Q80 weights with Q80 activations: a group of eight blocks, 272 bytes of weights,
//! a step.
//!
//! Both sides are widened to i16 before they are multiplied, which is exact for
//! every pair of bytes, -128 with -128 included. Weights are widened by shifts, the
//! even bytes of a register apart from the odd ones; activations are stored so.

use core::arch::x86_64::*;
use core::cell::RefCell;
use std::thread::LocalKey;

use bytemuck::Zeroable;

use super::super::arranged::{Arranged, for_token_groups};
use super::super::prefetch::prefetch_ahead_of;
use super::super::rows::{self, RowDots};
use super::groups::{GROUP, by_lane};
use super::vectors::{load_f16, load_f32, load_i16, load_pair, neighbours, store_f32, sum_of};
use crate::blocks::BlockQ80;
use crate::columns::ColumnsMut;

#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn matmul_q80_q80(w: &[BlockQ80], x: &[BlockQ80], n_blocks: usize, out: ColumnsMut<'_>) {
    let multiply = |x: &[Group], out: ColumnsMut<'_>| {
        // SAFETY: this function has the features that the row kernel asks for.
        unsafe { rows::matmul::<Q80>(w, n_blocks, x, n_blocks.div_ceil(GROUP), out) }
    };
    // SAFETY: this function has the features.
    unsafe { for_token_groups(x, n_blocks, out, multiply) }
}

/// Eight blocks of activations.
#[repr(C, align(32))]
#[derive(Clone, Copy, Zeroable)]
struct Group {
    /// A pair of blocks: of their first 16 values the even ones, then the odd ones; of
    /// their last 16 the same. One block a half of the register.
    pairs: [[[i16; 16]; 4]; GROUP / 2],
    /// By lane.
    scales: [f32; GROUP],
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
    for (i, block) in padded.iter().enumerate() {
        let (halves, _) = block.quants.as_chunks::<16>();
        for (half, values) in halves.iter().enumerate() {
            for (j, &value) in values.iter().enumerate() {
                let register = &mut group.pairs[i / 2][half * 2 + j % 2];
                register[i % 2 * 8 + j / 2] = i16::from(value);
            }
        }
    }
    store_f32(&mut group.scales, load_f16(&by_lane(|i| padded[i].scale)));
    group
}

struct Q80;

impl RowDots for Q80 {
    type Weight = BlockQ80;
    type Input = Group;

    unsafe fn row_dots<const T: usize>(w: &[BlockQ80], x: [&[Group]; T]) -> [f32; T] {
        // SAFETY: the caller's promise.
        unsafe { row_dots(w, x) }
    }
}

#[target_feature(enable = "avx2,fma,f16c")]
fn row_dots<const T: usize>(w: &[BlockQ80], x: [&[Group]; T]) -> [f32; T] {
    let mut sums = [_mm256_setzero_ps(); T];
    let (groups, rest) = w.as_chunks::<GROUP>();
    for (i, w) in groups.iter().enumerate() {
        prefetch_ahead_of(w);
        add_group(&mut sums, w, x.map(|x| &x[i]));
    }
    if !rest.is_empty() {
        let mut w = [BlockQ80::zeroed(); GROUP];
        w[..rest.len()].copy_from_slice(rest);
        add_group(&mut sums, &w, x.map(|x| &x[groups.len()]));
    }
    sums.map(|sum| sum_of(sum))
}

/// Adds the eight blocks' products, a block a lane.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn add_group<const T: usize>(sums: &mut [__m256; T], w: &[BlockQ80; GROUP], x: [&Group; T]) {
    let scales = load_f16(&by_lane(|i| w[i].scale));
    let mut products = [[_mm256_setzero_si256(); GROUP / 2]; T];
    for pair in 0..GROUP / 2 {
        let w = widen_pair(&w[2 * pair], &w[2 * pair + 1]);
        for (products, x) in products.iter_mut().zip(x) {
            products[pair] = multiply_pair(&w, &x.pairs[pair]);
        }
    }
    for ((sum, products), x) in sums.iter_mut().zip(products).zip(x) {
        let [a, b, c, d] = products;
        let products = merge(merge(a, b), merge(c, d));
        let scales = _mm256_mul_ps(scales, load_f32(&x.scales));
        *sum = _mm256_fmadd_ps(_mm256_cvtepi32_ps(products), scales, *sum);
    }
}

/// In the order of [`Group::pairs`].
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn widen_pair(even: &BlockQ80, odd: &BlockQ80) -> [__m256i; 4] {
    let (even, _) = even.quants.as_chunks::<16>();
    let (odd, _) = odd.quants.as_chunks::<16>();
    let first = load_pair(&even[0], &odd[0]);
    let last = load_pair(&even[1], &odd[1]);
    [
        _mm256_srai_epi16::<8>(_mm256_slli_epi16::<8>(first)),
        _mm256_srai_epi16::<8>(first),
        _mm256_srai_epi16::<8>(_mm256_slli_epi16::<8>(last)),
        _mm256_srai_epi16::<8>(last),
    ]
}

/// Each i32 is a sum of eight products of at most 2^14.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn multiply_pair(w: &[__m256i; 4], x: &[[i16; 16]; 4]) -> __m256i {
    let first = _mm256_add_epi32(
        _mm256_madd_epi16(w[0], load_i16(&x[0])),
        _mm256_madd_epi16(w[1], load_i16(&x[1])),
    );
    let last = _mm256_add_epi32(
        _mm256_madd_epi16(w[2], load_i16(&x[2])),
        _mm256_madd_epi16(w[3], load_i16(&x[3])),
    );
    _mm256_add_epi32(first, last)
}

/// Adds neighbouring i32 of `a`, and of `b` beside them.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn merge(a: __m256i, b: __m256i) -> __m256i {
    let (even, odd) = neighbours(a, b);
    _mm256_add_epi32(even, odd)
}
