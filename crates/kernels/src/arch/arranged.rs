//! Activations arranged for a kernel's registers before weights are multiplied with them.

use core::cell::RefCell;
use std::thread::LocalKey;

use crate::blocks::BlockQ80;
use crate::columns::ColumnsMut;

/// Token rows that are arranged at a time, which bounds their memory: 64 rows of
/// 11,008 values are 0.9 MB for Q40 weights, 1.5 MB for Q80.
const TOKENS: usize = 64;
/// Of longer rows there are fewer at a time: 28,672 values, of Llama 2 70B, are the longest that come 64 at a time.
const MAX_BYTES: usize = 4 << 20;

/// What a kernel makes of a group of activations.
pub(crate) trait Arranged: Sized + 'static {
    /// Blocks in it.
    const GROUP: usize;

    /// Of up to `GROUP` blocks; zeros stand for those that a row's last group lacks.
    ///
    /// # Safety
    ///
    /// The machine has the instruction set of the implementation.
    unsafe fn arrange(blocks: &[BlockQ80]) -> Self;

    /// Where a thread keeps the groups of one call.
    fn scratch() -> &'static LocalKey<RefCell<Vec<Self>>>;
}

/// Calls `multiply` with some token rows after others, arranged, and their rows of
/// `out`. Arranging a row costs about as much as multiplying it with two weight rows.
///
/// # Safety
///
/// The machine has the instruction set of the implementation.
pub(crate) unsafe fn for_token_groups<G: Arranged>(
    x: &[BlockQ80],
    n_blocks: usize,
    mut out: ColumnsMut<'_>,
    multiply: impl Fn(&[G], ColumnsMut<'_>),
) {
    let n_tokens = out.n_rows();
    let row_bytes = n_blocks.div_ceil(G::GROUP) * size_of::<G>();
    let n_at_a_time = (MAX_BYTES / row_bytes.max(1)).clamp(1, TOKENS);
    for first in (0..n_tokens).step_by(n_at_a_time) {
        let tokens = first..n_tokens.min(first + n_at_a_time);
        let rows = &x[tokens.start * n_blocks..tokens.end * n_blocks];
        G::scratch().with_borrow_mut(|groups| {
            groups.clear();
            for row in rows.chunks(n_blocks.max(1)) {
                // SAFETY: the caller's promise.
                let arranged = row
                    .chunks(G::GROUP)
                    .map(|blocks| unsafe { G::arrange(blocks) });
                groups.extend(arranged);
            }
            multiply(groups, out.rows_mut(tokens));
        });
    }
}
