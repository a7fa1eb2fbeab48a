//! Rotary position embedding (Su et al., 2021) in its two layouts.

use super::expect_len;
use crate::kernels::Kernels;

impl Kernels {
    /// Rotates the pairs (0, 1), (2, 3), ... of every head by one position's angles.
    ///
    /// `x`: (n_heads, head_dim) f32; `cos`, `sin`: (head_dim / 2) f32.
    ///
    /// # Panics
    ///
    /// If `x` is not whole heads, or `cos` and `sin` differ in length or are empty.
    pub fn rope_interleaved(&self, x: &mut [f32], cos: &[f32], sin: &[f32]) {
        check(x, cos, sin);
        // SAFETY: `self` holds only a table that this machine runs; lengths are checked.
        unsafe { (self.table.rope_interleaved)(x, cos, sin) }
    }

    /// Rotates the pairs (0, head_dim / 2), (1, head_dim / 2 + 1), ... of every head.
    ///
    /// Shapes as in [`rope_interleaved`](Self::rope_interleaved).
    ///
    /// # Panics
    ///
    /// If `x` is not whole heads, or `cos` and `sin` differ in length or are empty.
    pub fn rope_half_split(&self, x: &mut [f32], cos: &[f32], sin: &[f32]) {
        check(x, cos, sin);
        // SAFETY: `self` holds only a table that this machine runs; lengths are checked.
        unsafe { (self.table.rope_half_split)(x, cos, sin) }
    }
}

fn check(x: &[f32], cos: &[f32], sin: &[f32]) {
    assert!(!cos.is_empty(), "a head has at least one pair");
    expect_len("sin", sin.len(), Some(cos.len()));
    assert!(
        x.len().is_multiple_of(2 * cos.len()),
        "{} values are not whole heads of {}",
        x.len(),
        2 * cos.len()
    );
}
