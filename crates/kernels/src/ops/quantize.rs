//! Quantising to Q80 and Q40.

use super::expect_len;
use crate::blocks::{BLOCK_SIZE, BlockQ40, BlockQ80};
use crate::kernels::Kernels;
use crate::not_finite::NotFinite;

impl Kernels {
    /// Quantises to Q80: for the largest magnitude `amax` of a block, the scale is
    /// `f16(amax / 127)` and `q = roundTiesToEven(x * (127 / amax))`.
    ///
    /// All quants are 0 where `127 / amax` is not finite: `amax` is 0, or so small
    /// (below 3.8e-37) that its scale is 0 anyway.
    ///
    /// A block that cannot be quantised becomes [`BlockQ80::NAN`], and all others are what they would be
    /// without it.
    ///
    /// # Errors
    ///
    /// The first value that is NaN or infinite, or the first of a block's largest
    /// magnitude if that is 8,321,040 or more, for the scale would be infinite. `out` is
    /// written all the same.
    ///
    /// # Panics
    ///
    /// If `x` does not have 32 values for each block of `out`.
    pub fn quantize_q80(&self, x: &[f32], out: &mut [BlockQ80]) -> Result<(), NotFinite> {
        expect_len("x", x.len(), out.len().checked_mul(BLOCK_SIZE));
        // SAFETY: `self` holds only a table that this machine runs; lengths are checked.
        unsafe { (self.table.quantize_q80)(x, out) }
    }

    /// Quantises to Q40 by ggml's rule: `d` is the value of largest magnitude (the
    /// first of equals) divided by -8, and `q = min(15, trunc(x * (1 / d) + 8.5))`.
    ///
    /// All quants are 8, which is zero, where `1 / d` is not finite.
    ///
    /// # Errors
    ///
    /// The first value that is NaN or infinite, or the value of a block's largest
    /// magnitude if that is 524,160 or more, for the scale would be infinite. `out` is then
    /// partly written.
    ///
    /// # Panics
    ///
    /// If `x` does not have 32 values for each block of `out`.
    pub fn quantize_q40(&self, x: &[f32], out: &mut [BlockQ40]) -> Result<(), NotFinite> {
        expect_len("x", x.len(), out.len().checked_mul(BLOCK_SIZE));
        // SAFETY: `self` holds only a table that this machine runs; lengths are checked.
        unsafe { (self.table.quantize_q40)(x, out) }
    }
}
