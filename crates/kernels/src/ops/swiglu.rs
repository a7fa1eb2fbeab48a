//! SwiGLU: Shazeer, "GLU Variants Improve Transformer", 2020.

use super::expect_len;
use crate::kernels::Kernels;

impl Kernels {
    /// `out = gate / (1 + exp(-gate)) * up`.
    ///
    /// `gate`, `up`, `out`: (hidden_dim) f32.
    ///
    /// # Panics
    ///
    /// If the lengths differ.
    pub fn swiglu(&self, gate: &[f32], up: &[f32], out: &mut [f32]) {
        expect_len("up", up.len(), Some(gate.len()));
        expect_len("out", out.len(), Some(gate.len()));
        // SAFETY: `self` holds only a table that this machine runs; lengths are checked.
        unsafe { (self.table.swiglu)(gate, up, out) }
    }
}
