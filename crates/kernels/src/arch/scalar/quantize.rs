//! Quantising to Q80 and Q40. The rules are in the documentation of the operations.

use half::f16;

use crate::blocks::{BLOCK_SIZE, BlockQ40, BlockQ80};
use crate::not_finite::NotFinite;

/// Adding it rounds a number below 2^22 to the nearest integer, ties to even, and
/// leaves that in the low bits: no call into the mathematics library, and vectorised.
const ROUNDER: f32 = 12_582_912.0; // 1.5 * 2^23

#[inline(always)]
pub(crate) fn quantize_q80(x: &[f32], out: &mut [BlockQ80]) -> Result<(), NotFinite> {
    let (blocks, _) = x.as_chunks::<BLOCK_SIZE>();
    let mut first_bad = None;
    for (i, (x, block)) in blocks.iter().zip(out).enumerate() {
        let amax = magnitude(x);
        let scale = f16::from_f32_const(amax / 127.0);
        if !scale.is_finite() {
            *block = BlockQ80::NAN;
            first_bad = first_bad.or(Some((i, amax)));
            continue;
        }
        block.scale = scale;
        let inverse = finite_or_zero(127.0 / amax);
        // |x * inverse| is at most 127 and a rounding error, which rounds to 127.
        for (q, x) in block.quants.iter_mut().zip(x) {
            *q = (x * inverse + ROUNDER).to_bits() as i8;
        }
    }
    match first_bad {
        None => Ok(()),
        Some((i, amax)) => Err(not_finite(i, &blocks[i], amax)),
    }
}

#[inline(always)]
pub(crate) fn quantize_q40(x: &[f32], out: &mut [BlockQ40]) -> Result<(), NotFinite> {
    let (blocks, _) = x.as_chunks::<BLOCK_SIZE>();
    for (i, (x, block)) in blocks.iter().zip(out).enumerate() {
        let amax = magnitude(x);
        let largest = x.iter().find(|x| x.abs() == amax);
        let d = largest.unwrap_or(&amax) / -8.0;
        block.scale = f16::from_f32_const(d);
        if !block.scale.is_finite() {
            return Err(not_finite(i, x, amax));
        }
        let inverse = finite_or_zero(1.0 / d);
        // x / d lies between -8 and 8, so the sum is not negative and truncates down.
        let nibble = |x: f32| ((x * inverse + 8.5) as u8).min(15);
        block.quants = core::array::from_fn(|i| nibble(x[i]) | nibble(x[i + 16]) << 4);
    }
    Ok(())
}

/// The largest magnitude; NaN, or infinite, if any value is: without their signs,
/// bits order as the numbers do, infinity next and NaN last.
#[inline(always)]
fn magnitude(x: &[f32; BLOCK_SIZE]) -> f32 {
    let bits = x.iter().map(|x| x.to_bits() & 0x7fff_ffff);
    f32::from_bits(bits.fold(0, u32::max))
}

/// 0 for the infinite inverse of zero and of a number too small to matter.
#[inline(always)]
fn finite_or_zero(x: f32) -> f32 {
    if x.is_finite() { x } else { 0.0 }
}

/// Which value of block `i` is to blame.
#[cold]
fn not_finite(i: usize, x: &[f32; BLOCK_SIZE], amax: f32) -> NotFinite {
    let to_blame = |x: &f32| !x.is_finite() || (amax.is_finite() && x.abs() == amax);
    let within = x.iter().position(to_blame).unwrap_or(0);
    NotFinite {
        index: i * BLOCK_SIZE + within,
    }
}
