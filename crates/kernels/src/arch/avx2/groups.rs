//! Groups of eight blocks, the step of the block kernels, and activations arranged
//! for them.
//!
//! In a register blocks lie in pairs, an even one in the lower half and the odd one
//! after it in the upper. Merging the registers of four pairs leaves one lane a
//! block, in the order of [`BLOCK_OF_LANE`].

use core::cell::RefCell;
use std::thread::LocalKey;

use crate::blocks::BlockQ80;
use crate::columns::ColumnsMut;

/// Blocks in a group: their scales, or their sums, fill a register.
pub(super) const GROUP: usize = 8;

/// The block whose sum a lane holds after the merges.
const BLOCK_OF_LANE: [usize; GROUP] = [0, 2, 4, 6, 1, 3, 5, 7];

/// Token rows that are arranged at a time, which bounds their memory: 64 rows of
/// 11,008 values are 0.9 MB for Q40 weights, 1.5 MB for Q80.
const TOKENS: usize = 64;

/// What belongs to each block of a group, in the order of the lanes.
#[inline]
pub(super) fn by_lane<V>(of_block: impl Fn(usize) -> V) -> [V; GROUP] {
    BLOCK_OF_LANE.map(of_block)
}

/// What a kernel makes of a group of activations.
pub(super) trait Arranged: Sized + 'static {
    /// Of up to eight blocks; zeros stand for those that a row's last group lacks.
    ///
    /// # Safety
    ///
    /// The machine has AVX2, FMA and F16C.
    unsafe fn arrange(blocks: &[BlockQ80]) -> Self;

    /// Where a thread keeps the groups of one call.
    fn scratch() -> &'static LocalKey<RefCell<Vec<Self>>>;
}

/// Calls `multiply` with some token rows after others, arranged, and their rows of
/// `out`. Arranging a row costs about as much as multiplying it with two weight rows.
///
/// # Safety
///
/// The machine has AVX2, FMA and F16C.
pub(super) unsafe fn for_token_groups<G: Arranged>(
    x: &[BlockQ80],
    n_blocks: usize,
    mut out: ColumnsMut<'_>,
    multiply: impl Fn(&[G], ColumnsMut<'_>),
) {
    let n_tokens = out.n_rows();
    for first in (0..n_tokens).step_by(TOKENS) {
        let tokens = first..n_tokens.min(first + TOKENS);
        let rows = &x[tokens.start * n_blocks..tokens.end * n_blocks];
        G::scratch().with_borrow_mut(|groups| {
            groups.clear();
            for row in rows.chunks(n_blocks.max(1)) {
                // SAFETY: the caller's promise.
                let arranged = row
                    .chunks(GROUP)
                    .map(|blocks| unsafe { G::arrange(blocks) });
                groups.extend(arranged);
            }
            multiply(groups, out.rows_mut(tokens));
        });
    }
}
