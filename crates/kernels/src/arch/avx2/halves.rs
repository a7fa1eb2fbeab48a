//! Conversions of F16.

use core::arch::x86_64::*;

use half::f16;

use super::super::scalar::convert;
use super::vectors::{load_f16, load_f32, store_f32};

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn widen(halves: &[f16; 8]) -> [f32; 8] {
    let mut out = [0.0; 8];
    store_f32(&mut out, load_f16(halves));
    out
}

#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn dequantize_f16(halves: &[f16], out: &mut [f32]) {
    let (pieces, rest) = halves.as_chunks::<8>();
    let (out_pieces, out_rest) = out.as_chunks_mut::<8>();
    for (halves, out) in pieces.iter().zip(out_pieces) {
        *out = widen(halves);
    }
    convert::dequantize_f16(rest, out_rest);
}

#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn narrow_f16(x: &[f32], out: &mut [f16]) {
    let (pieces, rest) = x.as_chunks::<8>();
    let (out_pieces, out_rest) = out.as_chunks_mut::<8>();
    for (x, out) in pieces.iter().zip(out_pieces) {
        let halves = _mm256_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(load_f32(x));
        // SAFETY: the reference is valid for the 16 bytes that are written.
        unsafe { _mm_storeu_si128(out.as_mut_ptr().cast(), halves) };
    }
    convert::narrow_f16(rest, out_rest);
}
