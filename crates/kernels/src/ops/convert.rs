//! Conversions between formats, exact where the target is wider.

use half::f16;

use super::expect_len;
use crate::blocks::{BLOCK_SIZE, BlockQ40, BlockQ80};
use crate::kernels::Kernels;

impl Kernels {
    /// `out[i] = scale * (q - 8)`, rounded once to f32.
    ///
    /// # Panics
    ///
    /// If `out` does not have 32 values for each block.
    pub fn dequantize_q40(&self, blocks: &[BlockQ40], out: &mut [f32]) {
        expect_len("out", out.len(), blocks.len().checked_mul(BLOCK_SIZE));
        // SAFETY: `self` holds only a table that this machine runs; lengths are checked.
        unsafe { (self.table.dequantize_q40)(blocks, out) }
    }

    /// `out[i] = scale * q`, rounded once to f32.
    ///
    /// # Panics
    ///
    /// If `out` does not have 32 values for each block.
    pub fn dequantize_q80(&self, blocks: &[BlockQ80], out: &mut [f32]) {
        expect_len("out", out.len(), blocks.len().checked_mul(BLOCK_SIZE));
        // SAFETY: `self` holds only a table that this machine runs; lengths are checked.
        unsafe { (self.table.dequantize_q80)(blocks, out) }
    }

    /// F16 to F32, exact.
    ///
    /// # Panics
    ///
    /// If the lengths differ.
    pub fn dequantize_f16(&self, halves: &[f16], out: &mut [f32]) {
        expect_len("out", out.len(), Some(halves.len()));
        // SAFETY: `self` holds only a table that this machine runs; lengths are checked.
        unsafe { (self.table.dequantize_f16)(halves, out) }
    }

    /// F32 to F16, to the nearest, ties to even; too large a value becomes infinite.
    ///
    /// # Panics
    ///
    /// If the lengths differ.
    pub fn narrow_f16(&self, x: &[f32], out: &mut [f16]) {
        expect_len("out", out.len(), Some(x.len()));
        // SAFETY: `self` holds only a table that this machine runs; lengths are checked.
        unsafe { (self.table.narrow_f16)(x, out) }
    }

    /// BF16 bits to F32, exact.
    ///
    /// # Panics
    ///
    /// If the lengths differ.
    pub fn widen_bf16(&self, x: &[u16], out: &mut [f32]) {
        expect_len("out", out.len(), Some(x.len()));
        // SAFETY: `self` holds only a table that this machine runs; lengths are checked.
        unsafe { (self.table.widen_bf16)(x, out) }
    }
}
