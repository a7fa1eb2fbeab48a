//! Attention of one query head over the positions of its KV head.

use half::f16;

use super::expect_len;
use crate::kernels::Kernels;

impl Kernels {
    /// `out = softmax(scale * q . keys) . values` over an F16 cache.
    ///
    /// `q`, `out`: (head_dim) f32; `keys`, `values`: (n_positions, head_dim) f16;
    /// `scores`: (n_positions) f32, left holding the weights of the positions.
    /// Causality is in `n_positions`, grouped queries in the choice of the slices.
    ///
    /// # Panics
    ///
    /// If `q` or `scores` is empty, or a length does not follow from theirs.
    pub fn attention_f16(
        &self,
        q: &[f32],
        keys: &[f16],
        values: &[f16],
        scale: f32,
        scores: &mut [f32],
        out: &mut [f32],
    ) {
        check(q, keys.len(), values.len(), scores, out);
        // SAFETY: `self` holds only a table that this machine runs; lengths are checked.
        unsafe { (self.table.attention_f16)(q, keys, values, scale, scores, out) }
    }

    /// [`attention_f16`](Self::attention_f16) over an F32 cache.
    ///
    /// # Panics
    ///
    /// If `q` or `scores` is empty, or a length does not follow from theirs.
    pub fn attention_f32(
        &self,
        q: &[f32],
        keys: &[f32],
        values: &[f32],
        scale: f32,
        scores: &mut [f32],
        out: &mut [f32],
    ) {
        check(q, keys.len(), values.len(), scores, out);
        // SAFETY: `self` holds only a table that this machine runs; lengths are checked.
        unsafe { (self.table.attention_f32)(q, keys, values, scale, scores, out) }
    }
}

fn check(q: &[f32], keys: usize, values: usize, scores: &[f32], out: &[f32]) {
    assert!(!q.is_empty(), "a head has at least one dimension");
    assert!(!scores.is_empty(), "a query sees at least its own position");
    let cache = scores.len().checked_mul(q.len());
    expect_len("keys", keys, cache);
    expect_len("values", values, cache);
    expect_len("out", out.len(), Some(q.len()));
}
