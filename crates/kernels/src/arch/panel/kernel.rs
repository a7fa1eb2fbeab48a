//! What the inner loop of an instruction set provides.

use core::ops::Range;

use bytemuck::Pod;

use crate::blocks::{BlockQ40, BlockQ80};

/// The inner loop of an instruction set.
pub(crate) trait PanelKernel {
    /// Tokens in a panel, a divisor of [`TOKENS`](super::TOKENS).
    const TOKENS: usize;
    /// Weight rows that the inner loop multiplies at once.
    const ROWS: usize;
    /// Blocks of a panel that rows are multiplied with at a time, whole groups.
    const BLOCKS: usize;
    /// A group of blocks of `ROWS` weight rows: `[Expanded; ROWS]`.
    type Weights: Pod;
    /// A block of each token.
    type Step: Pod;
    /// (ROWS, TOKENS) f32.
    type Sums: Pod;

    /// See [`Step::pack`](super::step::Step::pack).
    ///
    /// # Safety
    ///
    /// The machine has the instruction set of the implementation.
    unsafe fn pack<'a>(blocks: impl Iterator<Item = &'a BlockQ80>) -> Self::Step;

    /// See [`expand_rows`](super::expanded::expand_rows).
    ///
    /// # Safety
    ///
    /// The machine has the instruction set of the implementation.
    unsafe fn expand(
        w: &[BlockQ40],
        n_blocks: usize,
        blocks: Range<usize>,
        out: &mut [Self::Weights],
    );

    /// Adds the products of `ROWS` weight rows with the first `n_tokens` tokens (or more). `w` has
    /// the groups that the blocks `x` begin and end in.
    ///
    /// # Safety
    ///
    /// The machine has the instruction set of the implementation.
    unsafe fn multiply(
        w: &[Self::Weights],
        x: &[Self::Step],
        n_tokens: usize,
        sums: &mut Self::Sums,
    );
}
