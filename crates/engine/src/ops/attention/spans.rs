//! Attention of `exact` rows over spans of positions, whose parts are then merged.
//!
//! Spans begin at fixed positions and are merged in their order: a row's bits depend on no other row, and on no
//! number of threads.

use bytemuck::Pod;
use dllama_kernels::{CacheElement, Flow, Team, attention_part_len, merge_attention_parts};

use super::task::Task;
use crate::program::Op;
use crate::rank::Forward;

pub(super) use crate::rank::SPAN as POSITIONS;

/// Of rows that see up to `most` positions.
pub(super) fn run<E: Pod + CacheElement>(
    forward: &Forward<'_>,
    team: &Team,
    op: &Op,
    most: usize,
) -> Flow {
    let &Op::Attention { cache, q, out, .. } = op else {
        unreachable!("called for attention alone");
    };
    let rank = forward.rank;
    let n_kv_heads = rank.caches.n_kv_heads(cache);
    let head_dim = rank.caches.head_dim(cache);
    let n_heads = rank.buffers.width(q) / head_dim;
    let part_len = attention_part_len(head_dim);
    let n_spans = most.div_ceil(POSITIONS);
    // Parts are (rows, n_spans, n_heads, part_len).
    let row_len = n_spans * n_heads * part_len;
    let n_tasks = forward.runs.len() * n_kv_heads * n_spans;
    for tasks in team.shares(n_tasks, 1) {
        for index in tasks {
            let (rest, span) = (index / n_spans, index % n_spans);
            let task = Task::new(forward, op, rest / n_kv_heads, rest % n_kv_heads);
            let first = span * POSITIONS;
            let end = task.most().min(first + POSITIONS);
            if first >= end {
                continue;
            }
            for piece in task.pieces() {
                let heads = span * n_heads + piece.heads.start..span * n_heads + piece.heads.end;
                let columns = heads.start * part_len..heads.end * part_len;
                // SAFETY: this thread's rows, span and heads (see `ops`).
                let parts = unsafe { rank.scratch.parts_mut(piece.rows.clone(), row_len, columns) };
                piece.attend_to::<E>(first..end, parts);
            }
        }
    }
    if team.barrier() == Flow::Stop {
        return Flow::Stop;
    }
    let n_outputs = forward.rows.all.len() * n_heads;
    for outputs in team.shares(n_outputs, 1) {
        for index in outputs {
            let (row, head) = (index / n_heads, index % n_heads);
            // SAFETY: written before the barrier.
            let parts = unsafe { rank.scratch.parts(row, row_len) };
            let parts = parts
                .chunks_exact(part_len)
                .skip(head)
                .step_by(n_heads)
                .take(forward.n_positions[row].div_ceil(POSITIONS));
            let values = index * head_dim..(index + 1) * head_dim;
            // SAFETY: this thread's row and head of the output (see `ops`).
            merge_attention_parts(parts, unsafe { rank.buffers.values_mut(out, values) });
        }
    }
    Flow::Continue
}
