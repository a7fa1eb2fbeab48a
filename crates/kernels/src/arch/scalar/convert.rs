//! Conversions between formats.

use half::f16;

use crate::blocks::{BLOCK_SIZE, BlockQ40, BlockQ80};

#[inline(always)]
pub(crate) fn dequantize_q40(blocks: &[BlockQ40], out: &mut [f32]) {
    let (rows, _) = out.as_chunks_mut::<BLOCK_SIZE>();
    for (block, out) in blocks.iter().zip(rows) {
        let scale = block.scale.to_f32_const();
        for (out, q) in out.iter_mut().zip(block.values()) {
            *out = scale * f32::from(q);
        }
    }
}

#[inline(always)]
pub(crate) fn dequantize_q80(blocks: &[BlockQ80], out: &mut [f32]) {
    let (rows, _) = out.as_chunks_mut::<BLOCK_SIZE>();
    for (block, out) in blocks.iter().zip(rows) {
        let scale = block.scale.to_f32_const();
        for (out, &q) in out.iter_mut().zip(&block.quants) {
            *out = scale * f32::from(q);
        }
    }
}

pub(crate) fn dequantize_f16(halves: &[f16], out: &mut [f32]) {
    for (half, out) in halves.iter().zip(out) {
        *out = half.to_f32_const();
    }
}

pub(crate) fn narrow_f16(x: &[f32], out: &mut [f16]) {
    for (x, out) in x.iter().zip(out) {
        *out = f16::from_f32_const(*x);
    }
}

/// A BF16 number is the upper half of the F32 number of the same value.
#[inline(always)]
pub(crate) fn widen_bf16(x: &[u16], out: &mut [f32]) {
    for (&x, out) in x.iter().zip(out) {
        *out = f32::from_bits(u32::from(x) << 16);
    }
}
