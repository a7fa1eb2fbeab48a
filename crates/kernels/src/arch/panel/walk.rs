//! The walk over tiles of weight rows, the same under every instruction set.

use core::cell::RefCell;

use bytemuck::Zeroable;

use super::expanded::{Expanded, GROUP};
use super::kernel::PanelKernel;
use super::tile::Tile;
use super::transpose::write_transposed;
use super::{Line, TOKENS};
use crate::arch::prefetch::prefetch;
use crate::blocks::{BlockQ40, BlockQ80};
use crate::columns::ColumnsMut;

/// Rows of a tile, in times the rows of the inner loop: expanded they stay in a second-level cache while the
/// panel passes over them.
const TILE: usize = 4;

/// What a thread keeps between calls.
struct Scratch {
    expanded: Vec<Expanded>,
    sums: Vec<Line>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = const {
        RefCell::new(Scratch { expanded: Vec::new(), sums: Vec::new() })
    };
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
    let n_rows = TILE * K::ROWS;
    SCRATCH.with_borrow_mut(|Scratch { expanded, sums }| {
        let n_groups = n_blocks.min(K::BLOCKS).div_ceil(GROUP);
        expanded.resize(n_rows * n_groups, Expanded::zeroed());
        let expanded = bytemuck::cast_slice_mut(expanded);
        let sums_size = n_rows * TOKENS * size_of::<f32>();
        let mut rest = w;
        for first_row in (0..out.n_cols()).step_by(n_rows) {
            let rows = first_row..out.n_cols().min(first_row + n_rows);
            let w;
            (w, rest) = rest.split_at(rows.len() * n_blocks);
            sums.clear();
            sums.resize(sums_size / size_of::<Line>(), Line::zeroed());
            let tile = Tile {
                w,
                n_blocks,
                n_tokens: out.n_rows(),
            };
            // What the next tile reads and this one writes would otherwise be waited for. All at once it would be,
            // too: a core fetches few lines at a time.
            let n_calls = tile.n_calls::<K>();
            let mut ahead = rest.chunks(w.len().div_ceil(n_calls));
            let mut tokens = 0..tile.n_tokens;
            let tokens_at_a_time = tile.n_tokens.div_ceil(n_calls);
            let fetch = || {
                prefetch(ahead.next().unwrap_or_default());
                for token in tokens.by_ref().take(tokens_at_a_time) {
                    prefetch(&out.row_mut(token)[rows.clone()]);
                }
            };
            // SAFETY: the caller's promise.
            unsafe { tile.multiply::<K>(expanded, panels, bytemuck::cast_slice_mut(sums), fetch) };
            let sums: &[f32] = bytemuck::cast_slice(sums);
            let panels = sums.chunks_exact(n_rows * K::TOKENS);
            for (first_token, sums) in (0..out.n_rows()).step_by(K::TOKENS).zip(panels) {
                let tokens = first_token..out.n_rows().min(first_token + K::TOKENS);
                write_transposed(sums, K::TOKENS, rows.clone(), &mut out.rows_mut(tokens));
            }
        }
    });
}
