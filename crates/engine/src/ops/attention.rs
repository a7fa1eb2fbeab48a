//! Stores this forward's keys and values, then attends to all positions up to each row's own.

use bytemuck::Pod;
use dllama_kernels::{
    AttentionClass, BlockQ80, CacheElement, Flow, Kernels, NotFinite, QueryRows, Team, f16,
};

use super::chunk;
use crate::error::Error;
use crate::memory::KvPlace;
use crate::program::{CacheType, Op, Step};
use crate::rank::Forward;
use crate::rows::RowClass;

/// Narrows a head's values to the cache's type.
type Store<E> = fn(&Kernels, &[f32], &mut [E]) -> Result<(), NotFinite>;

pub(super) fn run(forward: &Forward<'_>, team: &Team, step: &Step) -> Flow {
    match forward.rank.program.kv_cache_type {
        CacheType::F16 => run_with::<f16>(forward, team, step, |kernels, from, to| {
            kernels.narrow_f16(from, to);
            Ok(())
        }),
        CacheType::Q80 => run_with::<BlockQ80>(forward, team, step, Kernels::quantize_q80),
        CacheType::F32 => run_with::<f32>(forward, team, step, |_, from, to| {
            to.copy_from_slice(from);
            Ok(())
        }),
    }
}

fn run_with<E: Pod + CacheElement>(
    forward: &Forward<'_>,
    team: &Team,
    step: &Step,
    store: Store<E>,
) -> Flow {
    store_rows(forward, team, step, store);
    if team.barrier() == Flow::Stop {
        return Flow::Stop;
    }
    let Op::Attention { cache, .. } = step.op else {
        unreachable!("called for attention alone");
    };
    let n_kv_heads = forward.rank.caches.n_kv_heads(cache);
    // A task is a run of rows with one KV head: what is read of the cache serves all its queries.
    let n_tasks = forward.runs.len() * n_kv_heads;
    for tasks in team.chunks(n_tasks, chunk(n_tasks, team, 1)) {
        for task in tasks {
            // The last runs see most positions, so that short tasks are left for the end.
            let run = forward.runs.len() - 1 - task / n_kv_heads;
            attend::<E>(forward, &step.op, run, task % n_kv_heads);
        }
    }
    Flow::Continue
}

/// The queries of a run of rows that belong to one KV head.
fn attend<E: Pod + CacheElement>(forward: &Forward<'_>, op: &Op, run: usize, kv_head: usize) {
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
    let columns = first_head * head_dim..end_head * head_dim;
    // SAFETY: an input of this step (see `ops`).
    let queries = unsafe { rank.buffers.rows(q, rows.end) };
    let n_positions = &forward.n_positions[rows.clone()];
    let place = KvPlace {
        cache,
        sequence: forward.rows.all[rows.start].sequence as usize,
        head: kv_head,
    };
    let most = n_positions.iter().max().copied().unwrap_or(0);
    // SAFETY: `E` is the caches' type; `store_rows` ended at the barrier.
    let (keys, values) = unsafe { rank.caches.up_to::<E>(place, most) };
    // SAFETY: this thread's rows and heads of the output (see `ops`).
    let out = unsafe { rank.buffers.columns_mut(out, rows.clone(), columns.clone()) };
    let class = match forward.rows.class {
        RowClass::Fast => AttentionClass::Many,
        RowClass::Exact => AttentionClass::Few,
    };
    let queries = QueryRows {
        q: &queries[rows.start * width + columns.start..],
        row_stride: width,
        n_heads: end_head - first_head,
        head_dim,
        n_positions,
        scale,
    };
    rank.kernels.attention(class, queries, keys, values, out);
}

/// Keys and values into the cache, at their rows' places. No two rows of a forward share a place.
fn store_rows<E: Pod>(forward: &Forward<'_>, team: &Team, step: &Step, store: Store<E>) {
    let Op::Attention { cache, k, v, .. } = step.op else {
        unreachable!("called for attention alone");
    };
    let rank = forward.rank;
    let (n_heads, head_dim) = (rank.caches.n_kv_heads(cache), rank.caches.head_dim(cache));
    let n_rows = forward.rows.all.len();
    // SAFETY: inputs of this step (see `ops`).
    let (k, v) = unsafe { (rank.buffers.rows(k, n_rows), rank.buffers.rows(v, n_rows)) };
    let n_tasks = n_rows * n_heads;
    for tasks in team.chunks(n_tasks, chunk(n_tasks, team, 1)) {
        for task in tasks {
            let row = &forward.rows.all[task / n_heads];
            let place = KvPlace {
                cache,
                sequence: row.sequence as usize,
                head: task % n_heads,
            };
            // SAFETY: `E` is the caches' type; this thread alone has this row and head, and no
            // other row has its sequence and position.
            let (key, value) = unsafe { rank.caches.at::<E>(place, row.position as usize) };
            let head = task * head_dim..(task + 1) * head_dim;
            for (from, to) in [(k, key), (v, value)] {
                if let Err(error) = store(&rank.kernels, &from[head.clone()], to) {
                    forward.fail(team, Error::not_finite(step, head.start + error.index));
                }
            }
        }
    }
}
