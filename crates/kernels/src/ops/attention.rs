//! Attention of some queries over the positions of their KV head.

use core::cell::RefCell;

use half::f16;

use super::expect_len;
use crate::arch::attention::{Block, KEYS, LANES, Queries};
use crate::blocks::{BLOCK_SIZE, BlockQ80};
use crate::columns::ColumnsMut;
use crate::kernels::Kernels;

/// A type of KV cache.
pub trait CacheElement: Copy {
    /// Values in an element.
    const VALUES: usize;
    /// Values of a row, as f32.
    #[doc(hidden)]
    fn widen(kernels: &Kernels, row: &[Self], out: &mut [f32]);
}

impl CacheElement for f32 {
    const VALUES: usize = 1;
    fn widen(_: &Kernels, row: &[f32], out: &mut [f32]) {
        out.copy_from_slice(row);
    }
}

impl CacheElement for f16 {
    const VALUES: usize = 1;
    fn widen(kernels: &Kernels, row: &[f16], out: &mut [f32]) {
        kernels.dequantize_f16(row, out);
    }
}

impl CacheElement for BlockQ80 {
    const VALUES: usize = BLOCK_SIZE;
    fn widen(kernels: &Kernels, row: &[BlockQ80], out: &mut [f32]) {
        kernels.dequantize_q80(row, out);
    }
}

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
        let head_len = check(&rows, keys, values, &out);
        SCRATCH.with_borrow_mut(|scratch| {
            let Scratch {
                keys: wide_keys,
                values: wide_values,
                queries,
            } = scratch;
            gather(&rows, class, queries);
            let block_len = KEYS * head_len;
            let blocks = keys.chunks(block_len).zip(values.chunks(block_len));
            for (first, (keys, values)) in (0..).step_by(KEYS).zip(blocks) {
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
            scatter(&rows, queries, &mut out);
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
fn check<E: CacheElement>(
    rows: &QueryRows<'_>,
    keys: &[E],
    values: &[E],
    out: &ColumnsMut<'_>,
) -> usize {
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
    let most = rows.n_positions.iter().max().copied().unwrap_or(0);
    let head_len = head_dim / E::VALUES;
    expect_len("keys", keys.len(), most.checked_mul(head_len));
    expect_len("values", values.len(), most.checked_mul(head_len));
    expect_len("out", out.n_rows(), Some(n_rows));
    expect_len("a row of out", out.n_cols(), Some(width));
    head_len
}

/// Copies the queries, scaled and filled up, and clears the sums.
fn gather(rows: &QueryRows<'_>, class: AttentionClass, queries: &mut Queries) {
    let dim = rows.head_dim.next_multiple_of(LANES);
    let n = rows.n_positions.len() * rows.n_heads;
    let n_places = match class {
        AttentionClass::Few => n,
        AttentionClass::Many => n.next_multiple_of(LANES),
    };
    queries.dim = dim;
    fill(&mut queries.q, n_places * dim, 0.0);
    fill(&mut queries.sums, n * dim, 0.0);
    fill(&mut queries.largest, n_places, f32::NEG_INFINITY);
    fill(&mut queries.weights, n_places, 0.0);
    fill(&mut queries.n_positions, n_places, 1);
    for (row, &n_positions) in rows.n_positions.iter().enumerate() {
        let heads = &rows.q[row * rows.row_stride..][..rows.n_heads * rows.head_dim];
        for (head, from) in heads.chunks_exact(rows.head_dim).enumerate() {
            let place = row * rows.n_heads + head;
            queries.n_positions[place] = n_positions;
            let (first, step) = match class {
                AttentionClass::Few => (place * dim, 1),
                AttentionClass::Many => (place / LANES * LANES * dim + place % LANES, LANES),
            };
            let to = queries.q[first..].iter_mut().step_by(step);
            for (to, value) in to.zip(from) {
                *to = value * rows.scale;
            }
        }
    }
}

/// Makes `list` `n` times `value`.
fn fill<V: Copy>(list: &mut Vec<V>, n: usize, value: V) {
    list.clear();
    list.resize(n, value);
}

/// Divides the sums by the weights.
fn scatter(rows: &QueryRows<'_>, queries: &Queries, out: &mut ColumnsMut<'_>) {
    let mut from = queries.sums.chunks_exact(queries.dim).zip(&queries.weights);
    for row in 0..rows.n_positions.len() {
        let heads = out.row_mut(row).chunks_exact_mut(rows.head_dim);
        for (head, (sums, weights)) in heads.zip(&mut from) {
            for (to, sum) in head.iter_mut().zip(sums) {
                *to = sum / weights;
            }
        }
    }
}
