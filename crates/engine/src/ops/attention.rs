//! Stores this forward's keys and values, then attends to all positions up to each row's own.

use bytemuck::Pod;
use dllama_kernels::{Flow, Kernels, Team, f16};

use super::chunk;
use crate::memory::KvPlace;
use crate::program::{CacheType, Op};
use crate::rank::Forward;

/// Narrows a head's values to the cache's type.
type Store<T> = fn(&Kernels, &[f32], &mut [T]);
/// Attends with a query head: q, keys, values, scale, scores, out.
type Attend<T> = fn(&Kernels, &[f32], &[T], &[T], f32, &mut [f32], &mut [f32]);

pub(super) fn run(forward: &Forward<'_>, team: &Team, op: &Op) -> Flow {
    match forward.rank.program.kv_cache_type {
        CacheType::F16 => {
            let (store, attend) = (Kernels::narrow_f16, Kernels::attention_f16);
            run_with::<f16>(forward, team, op, store, attend)
        }
        CacheType::F32 => {
            let store: Store<f32> = |_, from, to| to.copy_from_slice(from);
            run_with::<f32>(forward, team, op, store, Kernels::attention_f32)
        }
    }
}

fn run_with<T: Pod>(
    forward: &Forward<'_>,
    team: &Team,
    op: &Op,
    store: Store<T>,
    attend: Attend<T>,
) -> Flow {
    let &Op::Attention {
        cache,
        q,
        k,
        v,
        out,
        group_size,
        first_in_group,
        scale,
    } = op
    else {
        unreachable!("called for attention alone");
    };
    store_rows(forward, team, (cache, k, v), store);
    if team.barrier() == Flow::Stop {
        return Flow::Stop;
    }
    let rank = forward.rank;
    let head_dim = rank.caches.head_dim(cache);
    let n_heads = rank.buffers.width(q) / head_dim;
    let n_rows = forward.rows.all.len();
    // SAFETY: an input of this step (see `ops`).
    let queries = unsafe { rank.buffers.rows(q, n_rows) };
    let n_tasks = n_rows * n_heads;
    for tasks in team.chunks(n_tasks, chunk(n_tasks, team, 1)) {
        for task in tasks {
            let row = &forward.rows.all[task / n_heads];
            let place = KvPlace {
                cache,
                sequence: row.sequence as usize,
                head: (first_in_group as usize + task % n_heads) / group_size as usize,
            };
            let n_positions = row.position as usize + 1;
            // SAFETY: `T` is the caches' type; `store_rows` ended at the barrier.
            let (keys, values) = unsafe { rank.caches.up_to::<T>(place, n_positions) };
            // SAFETY: this thread's scores.
            let scores = unsafe { rank.scratch.scores(team.thread(), n_positions) };
            let head = task * head_dim..(task + 1) * head_dim;
            // SAFETY: this thread's heads of the output (see `ops`).
            let out = unsafe { rank.buffers.values_mut(out, head.clone()) };
            attend(
                &rank.kernels,
                &queries[head],
                keys,
                values,
                scale,
                scores,
                out,
            );
        }
    }
    Flow::Continue
}

/// Keys and values into the cache, at their rows' places. No two rows of a forward share a place.
fn store_rows<T: Pod>(
    forward: &Forward<'_>,
    team: &Team,
    (cache, k, v): (u32, u32, u32),
    store: Store<T>,
) {
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
            // SAFETY: `T` is the caches' type; this thread alone has this row and head, and no
            // other row has its sequence and position.
            let (key, value) = unsafe { rank.caches.at::<T>(place, row.position as usize) };
            let head = task * head_dim..(task + 1) * head_dim;
            store(&rank.kernels, &k[head.clone()], key);
            store(&rank.kernels, &v[head], value);
        }
    }
}
