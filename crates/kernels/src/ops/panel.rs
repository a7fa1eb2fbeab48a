//! Matmuls of many token rows, packed in panels first.

use core::ops::Range;

use super::expect_len;
use crate::arch::panel::Line;
use crate::arch::panel::TOKENS;
use crate::arch::panel::step::STEP_BYTES;
use crate::blocks::{BLOCK_SIZE, BlockQ40, BlockQ80};
use crate::columns::ColumnsMut;
use crate::kernels::Kernels;

/// Below this the kernels for few rows are faster: they read the weights once for four rows, and
/// leave no lane empty.
const MIN_TOKENS: usize = 5;

/// The size of a matmul's input in panels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PanelShape {
    n_tokens: usize,
    n_blocks: usize,
}

const LINES: usize = STEP_BYTES / size_of::<Line>();

impl PanelShape {
    /// Of (`n_tokens`, `n_in`) activations.
    ///
    /// # Panics
    ///
    /// If `n_in` is not whole blocks.
    pub fn new(n_tokens: usize, n_in: usize) -> Self {
        assert!(
            n_in.is_multiple_of(BLOCK_SIZE),
            "{n_in} are not whole blocks"
        );
        let n_blocks = n_in / BLOCK_SIZE;
        Self { n_tokens, n_blocks }
    }

    /// Steps of packing, which are independent of each other.
    pub fn n_steps(&self) -> usize {
        self.n_tokens.div_ceil(TOKENS) * self.n_blocks
    }

    /// Cache lines of some steps.
    pub fn lines(&self, steps: Range<usize>) -> Range<usize> {
        steps.start * LINES..steps.end * LINES
    }
}

impl Kernels {
    /// Whether panels make a Q40 matmul of `n_tokens` rows faster. Its sums then run in another order
    /// than [`matmul_q40_q80`](Self::matmul_q40_q80)'s, and depend on nothing but the row either.
    pub fn wants_panels(&self, n_tokens: usize) -> bool {
        self.table.panels.is_some() && n_tokens >= MIN_TOKENS
    }

    /// Packs `steps` of `x` into their `lines`.
    ///
    /// `x`: (n_tokens, n_in) Q80; `lines`: `shape.lines(steps)` of the panels.
    ///
    /// # Panics
    ///
    /// If there are no kernels for panels, or a length does not follow from the others.
    pub fn pack_panels(
        &self,
        x: &[BlockQ80],
        shape: PanelShape,
        steps: Range<usize>,
        lines: &mut [Line],
    ) {
        let panels = self.table.panels.expect("kernels for panels");
        expect_len("x", x.len(), shape.n_tokens.checked_mul(shape.n_blocks));
        expect_len("lines", lines.len(), Some(shape.lines(steps.clone()).len()));
        assert!(steps.end <= shape.n_steps(), "steps {steps:?}");
        // SAFETY: `self` holds only a table that this machine runs; lengths are checked.
        unsafe { (panels.pack)(x, shape.n_blocks, steps.start, lines) }
    }

    /// `out[token][i] = w[i] . x[token]` for Q40 weights and `x` in panels.
    ///
    /// `w`: (n_out, n_in) Q40; `panels`: all lines of `shape`; `out`: (n_tokens, n_out)
    /// f32, any window of columns. Products within a block are exact.
    ///
    /// # Panics
    ///
    /// If there are no kernels for panels, or a length does not follow from the others.
    pub fn matmul_q40_panels(
        &self,
        w: &[BlockQ40],
        panels: &[Line],
        shape: PanelShape,
        mut out: ColumnsMut<'_>,
    ) {
        let kernels = self.table.panels.expect("kernels for panels");
        expect_len("w", w.len(), out.n_cols().checked_mul(shape.n_blocks));
        expect_len("out", out.n_rows(), Some(shape.n_tokens));
        expect_len(
            "panels",
            panels.len(),
            Some(shape.lines(0..shape.n_steps()).len()),
        );
        if shape.n_blocks == 0 {
            (0..out.n_rows()).for_each(|token| out.row_mut(token).fill(0.0));
            return;
        }
        // SAFETY: `self` holds only a table that this machine runs; lengths are checked.
        unsafe { (kernels.matmul_q40)(w, panels, shape.n_blocks, out) }
    }
}
