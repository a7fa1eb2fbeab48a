//! Conversions of F16.

use core::arch::aarch64::*;

use half::f16;

use super::super::scalar::convert;
use super::vectors::{load_f16, load_f32, store_f16};

#[inline]
#[target_feature(enable = "neon")]
fn widen(halves: &[f16; 8]) -> [f32; 8] {
    let (parts, _) = halves.as_chunks::<4>();
    let mut out = [0.0; 8];
    let (out_parts, _) = out.as_chunks_mut::<4>();
    for (part, out) in parts.iter().zip(out_parts) {
        // SAFETY: the reference is valid for the 16 bytes that are written.
        unsafe { vst1q_f32(out.as_mut_ptr(), load_f16(part)) };
    }
    out
}

#[target_feature(enable = "neon")]
pub(super) fn dequantize_f16(halves: &[f16], out: &mut [f32]) {
    let (pieces, rest) = halves.as_chunks::<8>();
    let (out_pieces, out_rest) = out.as_chunks_mut::<8>();
    for (halves, out) in pieces.iter().zip(out_pieces) {
        *out = widen(halves);
    }
    convert::dequantize_f16(rest, out_rest);
}

#[target_feature(enable = "neon")]
pub(super) fn narrow_f16(x: &[f32], out: &mut [f16]) {
    let (pieces, rest) = x.as_chunks::<4>();
    let (out_pieces, out_rest) = out.as_chunks_mut::<4>();
    for (x, out) in pieces.iter().zip(out_pieces) {
        store_f16(out, load_f32(x));
    }
    convert::narrow_f16(rest, out_rest);
}
