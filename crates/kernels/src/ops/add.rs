//! Adding a row, or a row in Q80, to an f32 row.

use super::expect_len;
use crate::blocks::{BLOCK_SIZE, BlockQ80};
use crate::kernels::Kernels;

impl Kernels {
    /// `acc += x`.
    ///
    /// # Panics
    ///
    /// If the lengths differ.
    pub fn add_assign(&self, acc: &mut [f32], x: &[f32]) {
        expect_len("acc", acc.len(), Some(x.len()));
        // SAFETY: `self` holds only a table that this machine runs; lengths are checked.
        unsafe { (self.table.add_assign)(acc, x) }
    }

    /// `acc += scale * q`, the product rounded to f32 before it is added: no fused
    /// multiply-add, so that ranks of different architectures agree in every bit.
    ///
    /// # Panics
    ///
    /// If `acc` does not have 32 values for each block of `x`.
    pub fn add_q80(&self, acc: &mut [f32], x: &[BlockQ80]) {
        expect_len("acc", acc.len(), x.len().checked_mul(BLOCK_SIZE));
        // SAFETY: `self` holds only a table that this machine runs; lengths are checked.
        unsafe { (self.table.add_q80)(acc, x) }
    }
}
