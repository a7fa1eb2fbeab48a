//! Stores this forward's keys and values, then attends to all positions up to each row's own.

use bytemuck::Pod;
use dllama_kernels::{Flow, Kernels, Team, f16};

use super::chunk;
use crate::memory::KvPlace;
use crate::program::{CacheType, Op};
use crate::rank::Forward;

/// The two types that a KV cache may have.
trait CacheValue: Pod {
    fn store(kernels: Kernels, from: &[f32], to: &mut [Self]);
    fn attend(
        kernels: Kernels,
        q: &[f32],
        keys: &[Self],
        values: &[Self],
        scale: f32,
        scores: &mut [f32],
        out: &mut [f32],
    );
}

pub(super) fn run(forward: &Forward<'_>, team: &Team, op: &Op) -> Flow {
    match forward.rank.program.kv_cache_type {
        CacheType::F16 => run_with::<f16>(forward, team, op),
        CacheType::F32 => run_with::<f32>(forward, team, op),
    }
}

fn run_with<T: CacheValue>(forward: &Forward<'_>, team: &Team, op: &Op) -> Flow {
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
    store::<T>(forward, team, cache, k, v);
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
            // SAFETY: `T` is the caches' type; `store` ended at the barrier.
            let (keys, values) = unsafe { rank.caches.up_to::<T>(place, n_positions) };
            // SAFETY: this thread's scores.
            let scores = unsafe { rank.scratch.scores(team.thread(), n_positions) };
            let head = task * head_dim..(task + 1) * head_dim;
            // SAFETY: this thread's heads of the output (see `ops`).
            let out = unsafe { rank.buffers.values_mut(out, head.clone()) };
            T::attend(
                rank.kernels,
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
fn store<T: CacheValue>(forward: &Forward<'_>, team: &Team, cache: u32, k: u32, v: u32) {
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
            T::store(rank.kernels, &k[head.clone()], key);
            T::store(rank.kernels, &v[head], value);
        }
    }
}

impl CacheValue for f16 {
    fn store(kernels: Kernels, from: &[f32], to: &mut [Self]) {
        kernels.narrow_f16(from, to);
    }

    fn attend(
        kernels: Kernels,
        q: &[f32],
        keys: &[Self],
        values: &[Self],
        scale: f32,
        scores: &mut [f32],
        out: &mut [f32],
    ) {
        kernels.attention_f16(q, keys, values, scale, scores, out);
    }
}

impl CacheValue for f32 {
    fn store(_: Kernels, from: &[f32], to: &mut [Self]) {
        to.copy_from_slice(from);
    }

    fn attend(
        kernels: Kernels,
        q: &[f32],
        keys: &[Self],
        values: &[Self],
        scale: f32,
        scores: &mut [f32],
        out: &mut [f32],
    ) {
        kernels.attention_f32(q, keys, values, scale, scores, out);
    }
}
