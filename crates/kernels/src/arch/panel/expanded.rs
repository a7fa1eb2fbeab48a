//! Weights as the inner loops of panels want them: a byte each, four bytes broadcast at a time.

use core::ops::Range;

use bytemuck::{Pod, Zeroable};

use crate::blocks::BlockQ40;

/// Blocks of a weight row that are expanded together.
pub(crate) const GROUP: usize = 4;

/// `GROUP` blocks of a weight row. Bytes stay in their order, so that a register of low nibbles is stored
/// as it is.
#[repr(C, align(16))]
#[derive(Clone, Copy, Pod, Zeroable)]
pub(crate) struct Expanded {
    /// Values 0 to 15 of each block, four in an element.
    pub low: [[u32; 4]; GROUP],
    /// Values 16 to 31.
    pub high: [[u32; 4]; GROUP],
    pub scales: [f32; GROUP],
}

/// Some blocks of up to `ROWS` weight rows of `n_blocks`, as whole groups, a row's last one filled up with zeros.
/// Where rows are missing, what was there stays.
#[inline(always)] // for the instructions of the caller
pub(crate) fn expand_rows<const ROWS: usize>(
    w: &[BlockQ40],
    n_blocks: usize,
    blocks: Range<usize>,
    out: &mut [[Expanded; ROWS]],
    expand: impl Fn(&[BlockQ40; GROUP], &mut Expanded),
) {
    for (row, w) in w.chunks_exact(n_blocks).enumerate() {
        let (groups, rest) = w[blocks.clone()].as_chunks();
        for (w, out) in groups.iter().zip(&mut *out) {
            expand(w, &mut out[row]);
        }
        if !rest.is_empty() {
            let mut w = [BlockQ40::zeroed(); GROUP];
            w[..rest.len()].copy_from_slice(rest);
            expand(&w, &mut out[groups.len()][row]);
        }
    }
}
