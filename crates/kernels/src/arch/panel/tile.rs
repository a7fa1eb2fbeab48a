//! A tile: some weight rows, expanded and multiplied with the panels of up to [`TOKENS`](super::TOKENS) rows.

use super::expanded::GROUP;
use super::kernel::PanelKernel;
use crate::blocks::BlockQ40;

pub(super) struct Tile<'a> {
    /// Whole rows of `n_blocks`.
    pub w: &'a [BlockQ40],
    pub n_blocks: usize,
    pub n_tokens: usize,
}

impl Tile<'_> {
    pub(super) fn n_rows(&self) -> usize {
        self.w.len() / self.n_blocks
    }

    /// How often [`multiply`](Self::multiply) calls the inner loop.
    pub(super) fn n_calls<K: PanelKernel>(&self) -> usize {
        let n_panels = self.n_tokens.div_ceil(K::TOKENS);
        n_panels * self.n_blocks.div_ceil(K::BLOCKS) * self.n_rows().div_ceil(K::ROWS)
    }

    /// Adds the products of all rows and tokens to `sums`, which are by panel, then by `K::ROWS` rows. `expanded`
    /// has room for `K::BLOCKS` blocks of each row; `before_call` is called before each inner loop.
    ///
    /// # Safety
    ///
    /// The machine has the instruction set of `K`.
    pub(super) unsafe fn multiply<K: PanelKernel>(
        &self,
        expanded: &mut [K::Weights],
        panels: &[K::Step],
        sums: &mut [K::Sums],
        mut before_call: impl FnMut(),
    ) {
        let n_blocks = self.n_blocks;
        let pieces = self.n_rows().div_ceil(K::ROWS);
        let sums_of_panel = sums.len() / (super::TOKENS / K::TOKENS);
        for first in (0..n_blocks).step_by(K::BLOCKS) {
            let blocks = first..n_blocks.min(first.saturating_add(K::BLOCKS));
            let n_groups = blocks.len().div_ceil(GROUP);
            let rows = self.w.chunks(K::ROWS * n_blocks);
            for (w, out) in rows.zip(expanded.chunks_exact_mut(n_groups)) {
                // SAFETY: the caller's promise.
                unsafe { K::expand(w, n_blocks, blocks.clone(), out) };
            }
            let panels = panels
                .chunks_exact(n_blocks)
                .zip(sums.chunks_exact_mut(sums_of_panel));
            for (first_token, (panel, sums)) in (0..self.n_tokens).step_by(K::TOKENS).zip(panels) {
                let x = &panel[blocks.clone()];
                let n_tokens = K::TOKENS.min(self.n_tokens - first_token);
                for (w, sums) in expanded.chunks_exact(n_groups).take(pieces).zip(sums) {
                    before_call();
                    // SAFETY: the caller's promise.
                    unsafe { K::multiply(w, x, n_tokens, sums) };
                }
            }
        }
    }
}
