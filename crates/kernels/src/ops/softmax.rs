//! Softmax of one row.

use crate::kernels::Kernels;

impl Kernels {
    /// `x = exp(x - max(x)) / sum(exp(x - max(x)))`; an empty row stays empty.
    ///
    /// A row that holds NaN or infinity, or -infinity alone, becomes NaN.
    pub fn softmax(&self, x: &mut [f32]) {
        // SAFETY: `self` holds only a table that this machine runs.
        unsafe { (self.table.softmax)(x) }
    }
}
