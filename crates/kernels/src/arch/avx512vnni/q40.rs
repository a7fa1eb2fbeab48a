//! Q40 weights with Q80 activations: sixteen blocks, 288 bytes of weights, a step.
//!
//! Nibbles are multiplied as they are, 0 to 15, for `vpdpbusd` wants one side
//! unsigned; what that adds is taken off once a block. Until then all is exact.

use core::arch::x86_64::*;
use core::cell::RefCell;
use std::thread::LocalKey;

use bytemuck::Zeroable;

use super::super::arranged::{Arranged, for_token_groups};
use super::super::prefetch::prefetch_ahead_of;
use super::super::rows::{self, RowDots};
use super::four::{FOUR, SCALE_STRIDE, load_head, nibbles};
use super::vectors::{load, load_f32, merge};
use crate::blocks::{BlockQ40, BlockQ80};
use crate::columns::ColumnsMut;

/// Blocks in a step: their scales, or their sums, fill a register.
const GROUP: usize = 16;

#[target_feature(enable = "avx512f,avx512bw,avx512vnni,avx512vbmi,gfni")]
pub(super) fn matmul_q40_q80(w: &[BlockQ40], x: &[BlockQ80], n_blocks: usize, out: ColumnsMut<'_>) {
    let multiply = |x: &[Group], out: ColumnsMut<'_>| {
        // SAFETY: this function has the features that the row kernel asks for.
        unsafe { rows::matmul::<Q40>(w, n_blocks, x, n_blocks.div_ceil(GROUP), out) }
    };
    // SAFETY: this function has the features.
    unsafe { for_token_groups(x, n_blocks, out, multiply) }
}

/// Sixteen blocks of activations. After the merges lane `4 * i + four` holds block `4 * four + i`.
#[repr(C, align(64))]
#[derive(Clone, Copy, Zeroable)]
struct Group {
    /// Of four blocks: the first 16 values of each, then the last 16 of each.
    fours: [[[[i8; 16]; FOUR]; 2]; GROUP / FOUR],
    /// By lane.
    scales: [f32; GROUP],
    /// By lane, 8 times the sum of a block's values: what it adds to the product
    /// that nibbles are 8 more than the weights.
    offsets: [i32; GROUP],
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

#[target_feature(enable = "avx2")]
fn arrange(blocks: &[BlockQ80]) -> Group {
    let mut group = Group::zeroed();
    for (i, block) in blocks.iter().enumerate() {
        let (four, place) = (i / FOUR, i % FOUR);
        let (halves, _) = block.quants.as_chunks::<16>();
        for (register, half) in group.fours[four].iter_mut().zip(halves) {
            register[place] = *half;
        }
        let lane = place * FOUR + four;
        group.scales[lane] = block.scale.to_f32_const();
        group.offsets[lane] = 8 * block.quants.iter().map(|&q| i32::from(q)).sum::<i32>();
    }
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

#[target_feature(enable = "avx512f,avx512bw,avx512vnni,avx512vbmi,gfni")]
fn row_dots<const T: usize>(w: &[BlockQ40], x: [&[Group]; T]) -> [f32; T] {
    let mut sums = [_mm512_setzero_ps(); T];
    let (groups, rest) = w.as_chunks::<GROUP>();
    let x = x.map(|x| &x[..w.len().div_ceil(GROUP)]);
    for (i, w) in groups.iter().enumerate() {
        prefetch_ahead_of(w);
        add_group(&mut sums, w, x.map(|x| &x[i]));
    }
    if !rest.is_empty() {
        let mut w = [BlockQ40::zeroed(); GROUP];
        w[..rest.len()].copy_from_slice(rest);
        add_group(&mut sums, &w, x.map(|x| &x[groups.len()]));
    }
    sums.map(|sum| _mm512_reduce_add_ps(sum))
}

/// Adds the sixteen blocks' products, a block a lane.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni,avx512vbmi,gfni")]
fn add_group<const T: usize>(sums: &mut [__m512; T], w: &[BlockQ40; GROUP], x: [&Group; T]) {
    let (fours, _) = w.as_chunks::<FOUR>();
    let heads: [__m512i; 4] = [
        load_head(&fours[0]),
        load_head(&fours[1]),
        load_head(&fours[2]),
        load_head(&fours[3]),
    ];
    let scales = scales_by_lane(heads);
    let w: [[__m512i; 2]; 4] = [
        nibbles(&fours[0], heads[0]),
        nibbles(&fours[1], heads[1]),
        nibbles(&fours[2], heads[2]),
        nibbles(&fours[3], heads[3]),
    ];
    for (sum, x) in sums.iter_mut().zip(x) {
        let a = multiply(&w[0], &x.fours[0]);
        let b = multiply(&w[1], &x.fours[1]);
        let c = multiply(&w[2], &x.fours[2]);
        let d = multiply(&w[3], &x.fours[3]);
        let products = merge(merge(a, b), merge(c, d));
        let products = _mm512_sub_epi32(products, load(&x.offsets));
        let scales = _mm512_mul_ps(scales, load_f32(&x.scales));
        *sum = _mm512_fmadd_ps(_mm512_cvtepi32_ps(products), scales, *sum);
    }
}

/// Four products of four values a block, in the lanes of its quarter.
#[inline]
#[target_feature(enable = "avx512f,avx512vnni")]
fn multiply(w: &[__m512i; 2], x: &[[[i8; 16]; FOUR]; 2]) -> __m512i {
    let low = _mm512_dpbusd_epi32(_mm512_setzero_si512(), w[0], load(&x[0]));
    _mm512_dpbusd_epi32(low, w[1], load(&x[1]))
}

/// The scales of four times four blocks, in the order of the lanes after the merges.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn scales_by_lane([a, b, c, d]: [__m512i; 4]) -> __m512 {
    const WORDS: [i16; 32] = {
        let mut words = [0; 32];
        let mut lane = 0;
        while lane < GROUP {
            words[lane] = (lane / FOUR) as i16 * SCALE_STRIDE;
            lane += 1;
        }
        words
    };
    let words = load(&WORDS);
    let halves = _mm512_maskz_permutexvar_epi16(0x1111, words, a);
    let halves = _mm512_mask_permutexvar_epi16(halves, 0x2222, words, b);
    let halves = _mm512_mask_permutexvar_epi16(halves, 0x4444, words, c);
    let halves = _mm512_mask_permutexvar_epi16(halves, 0x8888, words, d);
    _mm512_cvtph_ps(_mm512_castsi512_si256(halves))
}
