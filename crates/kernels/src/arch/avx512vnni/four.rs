//! Four blocks of Q40, 72 bytes, in registers: a block a quarter.

use core::arch::x86_64::*;

use crate::blocks::BlockQ40;

/// Blocks that fill a register with their low nibbles, and one with their high ones.
pub(super) const FOUR: usize = 4;

/// The first 64 bytes hold all scales and the quants of the first three blocks.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn load_head(w: &[BlockQ40; FOUR]) -> __m512i {
    // SAFETY: the reference is valid for 72 bytes.
    unsafe { _mm512_loadu_si512(w.as_ptr().cast()) }
}

/// Low nibbles and high nibbles as bytes, values 0 to 15 and 16 to 31 of a block a quarter.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,gfni")]
pub(super) fn nibbles(w: &[BlockQ40; FOUR], head: __m512i) -> [__m512i; 2] {
    // SAFETY: the array is 64 bytes long.
    let quants_of_head = unsafe { _mm512_loadu_si512(QUANTS_OF_HEAD.as_ptr().cast()) };
    // SAFETY: the reference is valid for the 16 bytes that are read.
    let last = unsafe { _mm_loadu_si128(w[3].quants.as_ptr().cast()) };
    let three = _mm512_permutexvar_epi8(quants_of_head, head);
    let bytes = _mm512_mask_broadcast_i32x4(three, 0xf000, last);
    let low = _mm512_and_si512(bytes, _mm512_set1_epi8(15));
    // One instruction for a shift and a mask.
    let high = _mm512_gf2p8affine_epi64_epi8::<0>(bytes, _mm512_set1_epi64(HIGH_NIBBLES));
    [low, high]
}

/// Where the head has them; those of the last block come from elsewhere.
const QUANTS_OF_HEAD: [u8; 64] = {
    let mut indices = [0; 64];
    let mut i = 0;
    while i < 48 {
        indices[i] = (i / 16 * size_of::<BlockQ40>() + 2 + i % 16) as u8;
        i += 1;
    }
    indices
};

/// As a matrix of bits: bits 0 to 3 of the result are bits 4 to 7, the others are zero. Its first row,
/// for bit 0, is the highest byte.
const HIGH_NIBBLES: i64 = 0x1020_4080_0000_0000;

/// Words between the scales of neighbouring blocks.
pub(super) const SCALE_STRIDE: i16 = (size_of::<BlockQ40>() / 2) as i16;
