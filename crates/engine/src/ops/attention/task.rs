//! The queries of a run of rows that belong to one KV head.

use std::ops::Range;

use bytemuck::Pod;
use dllama_kernels::{AttentionClass, CacheElement, ColumnsMut, QueryRows};

use crate::memory::KvPlace;
use crate::program::Op;
use crate::rank::{Forward, Rank};
use crate::rows::RowClass;

/// Query heads that a call of the kernel takes, whose queries and sums a thread keeps. Known models have no more
/// that share a KV head.
const HEADS: usize = 64;

pub(super) struct Task<'a> {
    rank: &'a Rank,
    class: AttentionClass,
    place: KvPlace,
    out: u32,
    pub(super) rows: Range<usize>,
    /// Query heads of this rank.
    pub(super) heads: Range<usize>,
    queries: QueryRows<'a>,
}

impl<'a> Task<'a> {
    pub(super) fn new(forward: &'a Forward<'_>, op: &Op, run: usize, kv_head: usize) -> Self {
        let &Op::Attention {
            cache,
            q,
            out,
            group_size,
            first_in_group,
            scale,
            ..
        } = op
        else {
            unreachable!("called for attention alone");
        };
        let rank = forward.rank;
        let rows = forward.runs[run].clone();
        let head_dim = rank.caches.head_dim(cache);
        let width = rank.buffers.width(q);
        let (group, skipped) = (group_size as usize, first_in_group as usize);
        let first_head = (kv_head * group).saturating_sub(skipped);
        let end_head = ((kv_head + 1) * group - skipped).min(width / head_dim);
        // SAFETY: an input of this step (see `ops`).
        let values = unsafe { rank.buffers.rows(q, rows.end) };
        Self {
            rank,
            class: match forward.rows.class {
                RowClass::Fast => AttentionClass::Many,
                RowClass::Exact => AttentionClass::Few,
            },
            place: KvPlace {
                cache,
                sequence: forward.rows.all[rows.start].sequence as usize,
                head: kv_head,
            },
            out,
            queries: QueryRows {
                q: &values[rows.start * width + first_head * head_dim..],
                row_stride: width,
                n_heads: end_head - first_head,
                head_dim,
                n_positions: &forward.n_positions[rows.clone()],
                scale,
            },
            rows,
            heads: first_head..end_head,
        }
    }

    /// The same queries, so many heads at a time that what a thread keeps of them has a bound. A query's bits do
    /// not depend on the others.
    pub(super) fn pieces(self) -> impl Iterator<Item = Self> {
        self.heads.clone().step_by(HEADS).map(move |first| {
            let heads = first..self.heads.end.min(first + HEADS);
            let skipped = (first - self.heads.start) * self.queries.head_dim;
            Self {
                rows: self.rows.clone(),
                queries: QueryRows {
                    q: &self.queries.q[skipped..],
                    n_heads: heads.len(),
                    ..self.queries
                },
                heads,
                ..self
            }
        })
    }

    /// Positions that the run's rows see.
    pub(super) fn most(&self) -> usize {
        self.queries.n_positions.iter().max().copied().unwrap_or(0)
    }

    /// All positions, to the output.
    pub(super) fn attend<E: Pod + CacheElement>(&self) {
        // SAFETY: `E` is the caches' type; `store_rows` ended at a barrier.
        let (keys, values) = unsafe { self.rank.caches.range::<E>(self.place, 0..self.most()) };
        let head_dim = self.queries.head_dim;
        let columns = self.heads.start * head_dim..self.heads.end * head_dim;
        // SAFETY: this thread's rows and heads of the output (see `ops`).
        let out = unsafe {
            let buffers = &self.rank.buffers;
            buffers.columns_mut(self.out, self.rows.clone(), columns)
        };
        let kernels = &self.rank.kernels;
        kernels.attention(self.class, self.queries, keys, values, out);
    }

    /// Some positions, to parts.
    pub(super) fn attend_to<E: Pod + CacheElement>(
        &self,
        positions: Range<usize>,
        parts: ColumnsMut<'_>,
    ) {
        let first = positions.start;
        // SAFETY: `E` is the caches' type; `store_rows` ended at a barrier.
        let (keys, values) = unsafe { self.rank.caches.range::<E>(self.place, positions) };
        let kernels = &self.rank.kernels;
        kernels.attention_over_span(self.class, self.queries, first, keys, values, parts);
    }
}
