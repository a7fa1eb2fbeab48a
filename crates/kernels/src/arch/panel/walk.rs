//! The walk over tiles of weight rows, the same under every instruction set.

use core::cell::RefCell;

use bytemuck::{Pod, Zeroable};

use super::expanded::{Expanded, GROUP};
use super::{Line, ROWS, TOKENS};
use crate::arch::prefetch::prefetch;
use crate::blocks::{BlockQ40, BlockQ80};
use crate::columns::ColumnsMut;

/// Rows of a tile: whole cache lines of the output, and expanded they stay in a
/// second-level cache while the panel passes over them.
const TILE: usize = 4 * ROWS;

/// Blocks that a tile works on at a time, whole groups: their 20 KB of a panel fit a first-level cache.
const BLOCKS: usize = 8;

/// The sums of one weight row, by token.
#[repr(align(64))]
#[derive(Clone, Copy)]
pub(crate) struct Sums(pub [f32; TOKENS]);

/// The inner loop of an instruction set.
pub(crate) trait PanelKernel {
    type Step: Pod;

    /// See [`Step::pack`](super::step::Step::pack).
    ///
    /// # Safety
    ///
    /// The machine has the instruction set of the implementation.
    unsafe fn pack<'a>(blocks: impl Iterator<Item = &'a BlockQ80>) -> Self::Step;

    /// # Safety
    ///
    /// The machine has the instruction set of the implementation.
    unsafe fn expand(w: &[BlockQ40; GROUP], out: &mut Expanded);

    /// Adds the products of `ROWS` weight rows with the first `n_tokens` tokens (or more). `w` has
    /// the groups that the blocks `x` begin and end in.
    ///
    /// # Safety
    ///
    /// The machine has the instruction set of the implementation.
    unsafe fn multiply(
        w: [&[Expanded]; ROWS],
        x: &[Self::Step],
        n_tokens: usize,
        sums: &mut [Sums; ROWS],
    );
}

thread_local! {
    /// Where a thread keeps an expanded tile.
    static SCRATCH: RefCell<Vec<Expanded>> = const { RefCell::new(Vec::new()) };
}

/// Packs steps of the panels of `x`, from `first` on, as many as fit `out`. With rows of `n_blocks`, step
/// `s` is block `s % n_blocks` of panel `s / n_blocks`.
///
/// # Safety
///
/// The machine has the instruction set of `K`.
pub(crate) unsafe fn pack<K: PanelKernel>(
    x: &[BlockQ80],
    n_blocks: usize,
    first: usize,
    out: &mut [Line],
) {
    let out: &mut [K::Step] = bytemuck::cast_slice_mut(out);
    for (step, out) in (first..).zip(out) {
        let x = &x[step / n_blocks * TOKENS * n_blocks + step % n_blocks..];
        // SAFETY: the caller's promise.
        *out = unsafe { K::pack(x.iter().step_by(n_blocks).take(TOKENS)) };
    }
}

/// `out[token][row] = w[row] . x[token]`, for `x` packed in `panels`.
///
/// # Safety
///
/// The machine has the instruction set of `K`.
pub(crate) unsafe fn matmul<K: PanelKernel>(
    w: &[BlockQ40],
    panels: &[Line],
    n_blocks: usize,
    mut out: ColumnsMut<'_>,
) {
    let panels: &[K::Step] = bytemuck::cast_slice(panels);
    let n_tokens = out.n_rows();
    for (first, panel) in (0..n_tokens).step_by(TOKENS).zip(panels.chunks(n_blocks)) {
        let out = out.rows_mut(first..n_tokens.min(first + TOKENS));
        // SAFETY: the caller's promise.
        unsafe { multiply_panel::<K>(w, panel, out) }
    }
}

/// # Safety
///
/// The machine has the instruction set of `K`.
unsafe fn multiply_panel<K: PanelKernel>(
    w: &[BlockQ40],
    panel: &[K::Step],
    mut out: ColumnsMut<'_>,
) {
    let n_blocks = panel.len();
    SCRATCH.with_borrow_mut(|expanded| {
        let mut rest = w;
        for first_row in (0..out.n_cols()).step_by(TILE) {
            let n_rows = TILE.min(out.n_cols() - first_row);
            let tile;
            (tile, rest) = rest.split_at(n_rows * n_blocks);
            // Rows of the output lie far apart: where they are to be written would be waited for.
            for token in 0..out.n_rows() {
                prefetch(&out.row_mut(token)[first_row..][..n_rows]);
            }
            // SAFETY: the caller's promise.
            unsafe { expand_tile::<K>(tile, n_blocks, expanded) };
            let mut sums = [Sums([0.0; TOKENS]); TILE];
            // SAFETY: the caller's promise.
            unsafe { multiply_tile::<K>(expanded, panel, out.n_rows(), rest, &mut sums) };
            for token in 0..out.n_rows() {
                let out = &mut out.row_mut(token)[first_row..][..n_rows];
                for (out, sums) in out.iter_mut().zip(&sums) {
                    *out = sums.0[token];
                }
            }
        }
    });
}

/// Rows of `n_blocks` each as whole groups, the last of a row filled up with zeros.
///
/// # Safety
///
/// The machine has the instruction set of `K`.
unsafe fn expand_tile<K: PanelKernel>(
    tile: &[BlockQ40],
    n_blocks: usize,
    expanded: &mut Vec<Expanded>,
) {
    let n_groups = n_blocks.div_ceil(GROUP);
    expanded.resize(tile.len() / n_blocks * n_groups, Expanded::zeroed());
    let rows = tile.chunks_exact(n_blocks);
    for (row, out) in rows.zip(expanded.chunks_exact_mut(n_groups)) {
        let (groups, rest) = row.as_chunks();
        for (w, out) in groups.iter().zip(&mut *out) {
            // SAFETY: the caller's promise.
            unsafe { K::expand(w, out) };
        }
        if let ([.., out], [_, ..]) = (out, rest) {
            let mut w = [BlockQ40::zeroed(); GROUP];
            w[..rest.len()].copy_from_slice(rest);
            // SAFETY: the caller's promise.
            unsafe { K::expand(&w, out) };
        }
    }
}

/// Some expanded weight rows with a panel. Meanwhile it fetches the `next` tile's weights, which would
/// otherwise be waited for.
///
/// # Safety
///
/// The machine has the instruction set of `K`.
unsafe fn multiply_tile<K: PanelKernel>(
    expanded: &[Expanded],
    panel: &[K::Step],
    n_tokens: usize,
    next: &[BlockQ40],
    sums: &mut [Sums; TILE],
) {
    let n_groups = panel.len().div_ceil(GROUP);
    let n_rows = expanded.len() / n_groups;
    let n_calls = panel.len().div_ceil(BLOCKS) * n_rows.div_ceil(ROWS);
    let mut ahead = next.chunks((n_rows * panel.len()).div_ceil(n_calls));
    for (x, first_group) in panel.chunks(BLOCKS).zip((0..).step_by(BLOCKS / GROUP)) {
        let groups = first_group..first_group + x.len().div_ceil(GROUP);
        for (first_row, sums) in (0..n_rows).step_by(ROWS).zip(sums.as_chunks_mut().0) {
            prefetch(ahead.next().unwrap_or_default());
            let w = core::array::from_fn(|row| {
                // Where the last rows are fewer, the last one stands for those that are missing.
                let row = (first_row + row).min(n_rows - 1);
                &expanded[row * n_groups..][groups.clone()]
            });
            // SAFETY: the caller's promise.
            unsafe { K::multiply(w, x, n_tokens, sums) };
        }
    }
}
