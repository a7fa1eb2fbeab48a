//! Keys and values of a forward into the KV cache.

use bytemuck::Pod;
use dllama_kernels::{Kernels, NotFinite, Team};

use crate::error::Error;
use crate::memory::KvPlace;
use crate::program::{Op, Step};
use crate::rank::Forward;

/// Narrows a head's values to the cache's type.
pub(super) type Store<E> = fn(&Kernels, &[f32], &mut [E]) -> Result<(), NotFinite>;

/// To their rows' places. No two rows of a forward share a place.
pub(super) fn store_rows<E: Pod>(forward: &Forward<'_>, team: &Team, step: &Step, store: Store<E>) {
    let Op::Attention { cache, k, v, .. } = step.op else {
        unreachable!("called for attention alone");
    };
    let rank = forward.rank;
    let (n_heads, head_dim) = (rank.caches.n_kv_heads(cache), rank.caches.head_dim(cache));
    let n_rows = forward.rows.all.len();
    // SAFETY: inputs of this step (see `ops`).
    let (k, v) = unsafe { (rank.buffers.rows(k, n_rows), rank.buffers.rows(v, n_rows)) };
    let n_tasks = n_rows * n_heads;
    for tasks in team.shares(n_tasks, 1) {
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
