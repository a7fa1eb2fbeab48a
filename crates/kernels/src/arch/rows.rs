//! The walk of a matmul over weight rows and token rows, the same under every
//! instruction set and for every pair of types.

use crate::columns::ColumnsMut;

/// Token rows that share one pass over a weight row: its blocks are decoded once
/// for all of them. Four leave enough vector registers for the accumulators.
const TOKENS: usize = 4;

/// Weights that stay in a core's cache while all tokens pass over them. A quarter
/// of a megabyte is one core's part of the second-level cache of a small board.
const CACHED_BYTES: usize = 256 * 1024;

/// The inner loop: inner products of one weight row with `T` token rows.
pub(crate) trait RowDots {
    type Weight;
    type Input;

    /// The sum for a token must not depend on `T` or on the other tokens.
    ///
    /// # Safety
    ///
    /// The machine has the instruction set of the implementation.
    unsafe fn row_dots<const T: usize>(w: &[Self::Weight], x: [&[Self::Input]; T]) -> [f32; T];
}

/// `out[token][row] = w[row] . x[token]`, with rows of `w_len` and `x_len` elements.
///
/// # Safety
///
/// The machine has the instruction set of `K`.
pub(crate) unsafe fn matmul<K: RowDots>(
    w: &[K::Weight],
    w_len: usize,
    x: &[K::Input],
    x_len: usize,
    mut out: ColumnsMut<'_>,
) {
    let n_rows = out.n_cols();
    let row_bytes = w_len * size_of::<K::Weight>();
    let cached_rows = (CACHED_BYTES / row_bytes.max(1)).max(1);
    for first_row in (0..n_rows).step_by(cached_rows) {
        let rows = first_row..n_rows.min(first_row + cached_rows);
        for first_token in (0..out.n_rows()).step_by(TOKENS) {
            let tokens = first_token..out.n_rows().min(first_token + TOKENS);
            let n_tokens = tokens.len();
            let x = &x[tokens.start * x_len..tokens.end * x_len];
            let out = out.rows_mut(tokens);
            let w = RowsOf { all: w, len: w_len };
            // SAFETY: the caller's promise.
            unsafe {
                match n_tokens {
                    1 => tile::<K, 1>(w, rows.clone(), x, x_len, out),
                    2 => tile::<K, 2>(w, rows.clone(), x, x_len, out),
                    3 => tile::<K, 3>(w, rows.clone(), x, x_len, out),
                    _ => tile::<K, TOKENS>(w, rows.clone(), x, x_len, out),
                }
            }
        }
    }
}

/// A matrix whose rows have `len` elements.
struct RowsOf<'a, W> {
    all: &'a [W],
    len: usize,
}

/// Some weight rows with `T` token rows.
///
/// # Safety
///
/// The machine has the instruction set of `K`.
unsafe fn tile<K: RowDots, const T: usize>(
    w: RowsOf<'_, K::Weight>,
    rows: core::ops::Range<usize>,
    x: &[K::Input],
    x_len: usize,
    mut out: ColumnsMut<'_>,
) {
    let x: [&[K::Input]; T] = core::array::from_fn(|t| &x[t * x_len..(t + 1) * x_len]);
    for row in rows {
        let w = &w.all[row * w.len..(row + 1) * w.len];
        // SAFETY: the caller's promise.
        let dots = unsafe { K::row_dots(w, x) };
        for (token, dot) in dots.into_iter().enumerate() {
            out.row_mut(token)[row] = dot;
        }
    }
}
