//! RMSNorm: Zhang and Sennrich, "Root Mean Square Layer Normalization", 2019.

use super::expect_len;
use crate::kernels::Kernels;

impl Kernels {
    /// `out = x / sqrt(mean(x^2) + eps) * weight` for one row.
    ///
    /// `x`, `weight`, `out`: (dim) f32. Returns whether the sum of squares is finite; where it is not, because a
    /// value is not or because it overflows, all of `out` is NaN.
    ///
    /// # Panics
    ///
    /// If the lengths differ.
    pub fn rms_norm(&self, x: &[f32], weight: &[f32], eps: f32, out: &mut [f32]) -> bool {
        expect_len("weight", weight.len(), Some(x.len()));
        expect_len("out", out.len(), Some(x.len()));
        // SAFETY: `self` holds only a table that this machine runs; lengths are checked.
        unsafe { (self.table.rms_norm)(x, weight, eps, out) }
    }
}
