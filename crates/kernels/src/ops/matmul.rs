//! Matrix products: weights (n_out, n_in) with token rows (n_tokens, n_in).
//!
//! A token row's bits depend on that row and the weights alone, not on how many
//! rows there are. The weights of one call are best some tens of rows or more:
//! a call prepares its token rows once.

use half::f16;

use super::expect_len;
use crate::blocks::{BLOCK_SIZE, BlockQ40, BlockQ80};
use crate::columns::ColumnsMut;
use crate::kernels::Kernels;

impl Kernels {
    /// `out[token][i] = w[i] . x[token]` for Q40 weights and Q80 activations.
    ///
    /// `w`: (n_out, n_in) Q40; `x`: (n_tokens, n_in) Q80; `out`: (n_tokens, n_out)
    /// f32, any window of columns. Products within a block are exact.
    ///
    /// # Panics
    ///
    /// If `n_in` is not whole blocks, or a length does not follow from the others.
    pub fn matmul_q40_q80(&self, w: &[BlockQ40], x: &[BlockQ80], n_in: usize, out: ColumnsMut<'_>) {
        let n_blocks = whole_blocks(n_in);
        check(w.len(), x.len(), n_blocks, &out);
        // SAFETY: `self` holds only a table that this machine runs; lengths are checked.
        unsafe { (self.table.matmul_q40_q80)(w, x, n_blocks, out) }
    }

    /// `out[token][i] = w[i] . x[token]` for Q80 weights and Q80 activations.
    ///
    /// Shapes as in [`matmul_q40_q80`](Self::matmul_q40_q80).
    ///
    /// # Panics
    ///
    /// If `n_in` is not whole blocks, or a length does not follow from the others.
    pub fn matmul_q80_q80(&self, w: &[BlockQ80], x: &[BlockQ80], n_in: usize, out: ColumnsMut<'_>) {
        let n_blocks = whole_blocks(n_in);
        check(w.len(), x.len(), n_blocks, &out);
        // SAFETY: `self` holds only a table that this machine runs; lengths are checked.
        unsafe { (self.table.matmul_q80_q80)(w, x, n_blocks, out) }
    }

    /// `out[token][i] = w[i] . x[token]` for F16 weights and F32 activations.
    ///
    /// `w`: (n_out, n_in) f16; `x`: (n_tokens, n_in) f32; `out`: (n_tokens, n_out) f32.
    ///
    /// # Panics
    ///
    /// If a length does not follow from the others.
    pub fn matmul_f16_f32(&self, w: &[f16], x: &[f32], n_in: usize, out: ColumnsMut<'_>) {
        check(w.len(), x.len(), n_in, &out);
        // SAFETY: `self` holds only a table that this machine runs; lengths are checked.
        unsafe { (self.table.matmul_f16_f32)(w, x, n_in, out) }
    }

    /// `out[token][i] = w[i] . x[token]` for F32 weights and F32 activations.
    ///
    /// Shapes as in [`matmul_f16_f32`](Self::matmul_f16_f32).
    ///
    /// # Panics
    ///
    /// If a length does not follow from the others.
    pub fn matmul_f32_f32(&self, w: &[f32], x: &[f32], n_in: usize, out: ColumnsMut<'_>) {
        check(w.len(), x.len(), n_in, &out);
        // SAFETY: `self` holds only a table that this machine runs; lengths are checked.
        unsafe { (self.table.matmul_f32_f32)(w, x, n_in, out) }
    }
}

fn whole_blocks(n_in: usize) -> usize {
    assert!(
        n_in.is_multiple_of(BLOCK_SIZE),
        "rows of {n_in} values are not whole blocks of {BLOCK_SIZE}"
    );
    n_in / BLOCK_SIZE
}

/// Both matrices against the window; `row_len` is in elements or blocks.
fn check(w_len: usize, x_len: usize, row_len: usize, out: &ColumnsMut<'_>) {
    expect_len("w", w_len, out.n_cols().checked_mul(row_len));
    expect_len("x", x_len, out.n_rows().checked_mul(row_len));
}
