//! Attention of some queries over the positions of their KV head.

mod cache;
mod merge;
mod queries;

use core::cell::RefCell;

use super::expect_len;
use crate::arch::attention::{Block, KEYS, Queries};
use crate::columns::ColumnsMut;
use crate::kernels::Kernels;
pub use cache::CacheElement;
pub use merge::{attention_part_len, merge_attention_parts};
use queries::{gather, scatter, scatter_parts};

/// Rows of queries with the heads that share one KV head.
#[derive(Clone, Copy, Debug)]
pub struct QueryRows<'a> {
    /// From the first row's first head on; rows are `row_stride` apart, heads follow each other.
    pub q: &'a [f32],
    /// Values from row to row.
    pub row_stride: usize,
    /// Heads of a row.
    pub n_heads: usize,
    /// Values of a head.
    pub head_dim: usize,
    /// Positions that each row sees, its own among them.
    pub n_positions: &'a [usize],
    /// Factor of the scores.
    pub scale: f32,
}

/// How queries go through the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttentionClass {
    /// One after the other.
    Few,
    /// Side by side, faster from three on; their sums run in another order.
    Many,
}

/// What a thread needs for a call.
#[derive(Default)]
struct Scratch {
    keys: Vec<f32>,
    values: Vec<f32>,
    queries: Queries,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Positions that attention takes together; those of a call begin at a multiple of it.
pub const ATTENTION_BLOCK: usize = KEYS;

impl Kernels {
    /// `out = softmax(scale * q . keys) . values` for each row and head.
    ///
    /// `keys`, `values`: (n_positions, head_dim), as many positions as the row that sees most;
    /// `out`: (rows, n_heads * head_dim) f32. A query's bits do not depend on the others of the call.
    ///
    /// # Panics
    ///
    /// If a row sees no position, or a length does not follow from the others.
    pub fn attention<E: CacheElement>(
        &self,
        class: AttentionClass,
        rows: QueryRows<'_>,
        keys: &[E],
        values: &[E],
        mut out: ColumnsMut<'_>,
    ) {
        let most = rows.n_positions.iter().max().copied().unwrap_or(0);
        expect_len(
            "keys",
            keys.len(),
            most.checked_mul(rows.head_dim / E::VALUES),
        );
        expect_len(
            "a row of out",
            out.n_cols(),
            Some(rows.n_heads * rows.head_dim),
        );
        expect_len("out", out.n_rows(), Some(rows.n_positions.len()));
        self.attend(class, &rows, 0, keys, values, |queries| {
            scatter(&rows, queries, &mut out)
        });
    }

    /// The same over a span of positions, as parts for
    /// [`merge_attention_parts`](crate::merge_attention_parts).
    ///
    /// `keys`, `values`: (n, head_dim), of the positions from `first` on, a multiple of
    /// [`ATTENTION_BLOCK`]; `parts`: (rows, n_heads * part_len) f32. A row may see none of the
    /// positions: its part then counts for nothing, and is not to be merged.
    ///
    /// # Panics
    ///
    /// As [`attention`](Self::attention), and if `first` is no such multiple.
    pub fn attention_over_span<E: CacheElement>(
        &self,
        class: AttentionClass,
        rows: QueryRows<'_>,
        first: usize,
        keys: &[E],
        values: &[E],
        mut parts: ColumnsMut<'_>,
    ) {
        assert!(
            first.is_multiple_of(ATTENTION_BLOCK),
            "a block begins at {first}"
        );
        let width = rows.n_heads * attention_part_len(rows.head_dim);
        expect_len("a row of parts", parts.n_cols(), Some(width));
        expect_len("parts", parts.n_rows(), Some(rows.n_positions.len()));
        self.attend(class, &rows, first, keys, values, |queries| {
            scatter_parts(&rows, queries, &mut parts);
        });
    }

    fn attend<E: CacheElement>(
        &self,
        class: AttentionClass,
        rows: &QueryRows<'_>,
        first: usize,
        keys: &[E],
        values: &[E],
        done: impl FnOnce(&Queries),
    ) {
        let head_len = check(rows, keys, values);
        SCRATCH.with_borrow_mut(|scratch| {
            let Scratch {
                keys: wide_keys,
                values: wide_values,
                queries,
            } = scratch;
            gather(rows, class, queries);
            let block_len = KEYS * head_len;
            let blocks = keys.chunks(block_len).zip(values.chunks(block_len));
            for (first, (keys, values)) in (first..).step_by(KEYS).zip(blocks) {
                self.widen_rows(keys, head_len, queries.dim, wide_keys);
                self.widen_rows(values, head_len, queries.dim, wide_values);
                let block = Block {
                    first,
                    keys: wide_keys,
                    values: wide_values,
                };
                // SAFETY: `self` holds only a table that this machine runs; `gather` and `widen_rows`
                // have made the lengths.
                unsafe {
                    match class {
                        AttentionClass::Few => (self.table.attend_few)(&block, queries),
                        AttentionClass::Many => (self.table.attend_many)(&block, queries),
                    }
                }
            }
            done(queries);
        });
    }

    /// Up to `KEYS` rows with zeros up to `dim`, and rows of zeros after them.
    fn widen_rows<E: CacheElement>(
        &self,
        rows: &[E],
        row_len: usize,
        dim: usize,
        out: &mut Vec<f32>,
    ) {
        let head_dim = row_len * E::VALUES;
        out.resize(KEYS * dim, 0.0);
        if head_dim == dim {
            let (filled, rest) = out.split_at_mut(rows.len() * E::VALUES);
            E::widen(self, rows, filled);
            rest.fill(0.0);
            return;
        }
        out.fill(0.0);
        for (row, out) in rows.chunks_exact(row_len).zip(out.chunks_exact_mut(dim)) {
            E::widen(self, row, &mut out[..head_dim]);
        }
    }
}

/// Elements of a cached head.
fn check<E: CacheElement>(rows: &QueryRows<'_>, keys: &[E], values: &[E]) -> usize {
    let (head_dim, n_rows) = (rows.head_dim, rows.n_positions.len());
    assert!(head_dim > 0, "a head has at least one dimension");
    assert!(
        head_dim.is_multiple_of(E::VALUES),
        "heads of {head_dim} values are not whole blocks of {}",
        E::VALUES
    );
    assert!(
        rows.n_positions.iter().all(|&n| n > 0),
        "a query sees at least its own position"
    );
    let width = rows.n_heads * head_dim;
    assert!(width <= rows.row_stride, "rows of {width} values overlap");
    let values_needed = n_rows
        .checked_sub(1)
        .map_or(0, |last| last * rows.row_stride + width);
    assert!(
        rows.q.len() >= values_needed,
        "q has {} values",
        rows.q.len()
    );
    let head_len = head_dim / E::VALUES;
    assert!(
        keys.len().is_multiple_of(head_len),
        "{} elements are not whole keys of {head_len}",
        keys.len()
    );
    expect_len("values", values.len(), Some(keys.len()));
    head_len
}
