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

/// Bytes of a tile's sums.
const SUMS: usize = TILE * TOKENS * size_of::<f32>();

/// The inner loop of an instruction set.
pub(crate) trait PanelKernel {
    /// Tokens in a panel, a divisor of [`TOKENS`](super::TOKENS).
    const TOKENS: usize;
    /// Blocks of a panel that rows are multiplied with at a time, whole groups.
    const BLOCKS: usize;
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

    /// Fills one of the `ROWS` rows.
    ///
    /// # Safety
    ///
    /// The machine has the instruction set of the implementation.
    unsafe fn expand(w: &[BlockQ40; GROUP], row: usize, out: &mut Expanded);

    /// Adds the products of `ROWS` weight rows with the first `n_tokens` tokens (or more). `w` has
    /// the groups that the blocks `x` begin and end in.
    ///
    /// # Safety
    ///
    /// The machine has the instruction set of the implementation.
    unsafe fn multiply(w: &[Expanded], x: &[Self::Step], n_tokens: usize, sums: &mut Self::Sums);
}

thread_local! {
    /// Where a thread keeps an expanded tile.
    static SCRATCH: RefCell<Vec<Expanded>> = const { RefCell::new(Vec::new()) };
}

/// Packs steps of the panels of `x`, from `first` on, as many as fit `out`; a step of `TOKENS` tokens is one
/// of each panel's steps. With rows of `n_blocks`, step `s` of those is block `s % n_blocks` of panel
/// `s / n_blocks`.
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
    for (step, out) in (first * (TOKENS / K::TOKENS)..).zip(out) {
        let first = step / n_blocks * K::TOKENS * n_blocks + step % n_blocks;
        // The last panels may be beyond the last row.
        let x = x.get(first..).unwrap_or_default();
        // SAFETY: the caller's promise.
        *out = unsafe { K::pack(x.iter().step_by(n_blocks).take(K::TOKENS)) };
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
    let steps = n_blocks * (TOKENS / K::TOKENS);
    for (first, panels) in (0..n_tokens).step_by(TOKENS).zip(panels.chunks(steps)) {
        let out = out.rows_mut(first..n_tokens.min(first + TOKENS));
        // SAFETY: the caller's promise.
        unsafe { multiply_panels::<K>(w, panels, n_blocks, out) }
    }
}

/// # Safety
///
/// The machine has the instruction set of `K`.
unsafe fn multiply_panels<K: PanelKernel>(
    w: &[BlockQ40],
    panels: &[K::Step],
    n_blocks: usize,
    mut out: ColumnsMut<'_>,
) {
    SCRATCH.with_borrow_mut(|expanded| {
        expanded.resize(TILE / ROWS * n_blocks.div_ceil(GROUP), Expanded::zeroed());
        let mut rest = w;
        for first_row in (0..out.n_cols()).step_by(TILE) {
            let n_rows = TILE.min(out.n_cols() - first_row);
            let tile;
            (tile, rest) = rest.split_at(n_rows * n_blocks);
            // Rows of the output lie far apart: where they are to be written would be waited for.
            for token in 0..out.n_rows() {
                prefetch(&out.row_mut(token)[first_row..][..n_rows]);
            }
            let mut sums = [Line::zeroed(); SUMS / size_of::<Line>()];
            let to = bytemuck::cast_slice_mut(&mut sums);
            let shape = TileShape {
                n_rows,
                n_blocks,
                n_tokens: out.n_rows(),
            };
            // SAFETY: the caller's promise.
            unsafe {
                expand_tile::<K>(tile, n_blocks, expanded);
                multiply_tile::<K>(shape, expanded, panels, rest, to);
            }
            let sums: &[f32] = bytemuck::cast_slice(&sums);
            for token in 0..out.n_rows() {
                let (panel, place) = (token / K::TOKENS, token % K::TOKENS);
                let sums = &sums[panel * TILE * K::TOKENS + place..];
                let out = &mut out.row_mut(token)[first_row..][..n_rows];
                for (out, sum) in out.iter_mut().zip(sums.iter().step_by(K::TOKENS)) {
                    *out = *sum;
                }
            }
        }
    });
}

/// Rows of `n_blocks` each as whole groups, the last of a row filled up with zeros. Where the last rows are
/// fewer than `ROWS`, old rows stand for those that are missing, and nobody looks at their sums.
///
/// # Safety
///
/// The machine has the instruction set of `K`.
unsafe fn expand_tile<K: PanelKernel>(tile: &[BlockQ40], n_blocks: usize, out: &mut [Expanded]) {
    let n_groups = n_blocks.div_ceil(GROUP);
    for (row, w) in tile.chunks_exact(n_blocks).enumerate() {
        let out = &mut out[row / ROWS * n_groups..][..n_groups];
        let (groups, rest) = w.as_chunks();
        for (w, out) in groups.iter().zip(&mut *out) {
            // SAFETY: the caller's promise.
            unsafe { K::expand(w, row % ROWS, out) };
        }
        if let ([.., out], [_, ..]) = (out, rest) {
            let mut w = [BlockQ40::zeroed(); GROUP];
            w[..rest.len()].copy_from_slice(rest);
            // SAFETY: the caller's promise.
            unsafe { K::expand(&w, row % ROWS, out) };
        }
    }
}

struct TileShape {
    n_rows: usize,
    n_blocks: usize,
    n_tokens: usize,
}

/// Expanded weight rows with panels; `sums` is by panel, then by `ROWS` rows. Meanwhile it fetches the `next`
/// tile's weights, which would otherwise be waited for.
///
/// # Safety
///
/// The machine has the instruction set of `K`.
unsafe fn multiply_tile<K: PanelKernel>(
    shape: TileShape,
    expanded: &[Expanded],
    panels: &[K::Step],
    next: &[BlockQ40],
    sums: &mut [K::Sums],
) {
    let TileShape {
        n_rows,
        n_blocks,
        n_tokens,
    } = shape;
    let n_groups = n_blocks.div_ceil(GROUP);
    let n_calls =
        n_tokens.div_ceil(K::TOKENS) * n_blocks.div_ceil(K::BLOCKS) * n_rows.div_ceil(ROWS);
    let mut ahead = next.chunks((n_rows * n_blocks).div_ceil(n_calls));
    let panels = panels
        .chunks_exact(n_blocks)
        .zip(sums.chunks_exact_mut(TILE / ROWS));
    for (first_token, (panel, sums)) in (0..n_tokens).step_by(K::TOKENS).zip(panels) {
        let blocks = panel
            .chunks(K::BLOCKS)
            .zip((0..).step_by(K::BLOCKS / GROUP));
        for (x, first_group) in blocks {
            let groups = first_group..first_group + x.len().div_ceil(GROUP);
            let rows = expanded.chunks_exact(n_groups).take(n_rows.div_ceil(ROWS));
            for (w, sums) in rows.zip(&mut *sums) {
                prefetch(ahead.next().unwrap_or_default());
                let n_tokens = K::TOKENS.min(n_tokens - first_token);
                // SAFETY: the caller's promise.
                unsafe { K::multiply(&w[groups.clone()], x, n_tokens, sums) };
            }
        }
    }
}
