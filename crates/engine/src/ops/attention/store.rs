//! Keys and values of a forward into the KV cache.

use bytemuck::Pod;
use dllama_kernels::{BlockQ80, Kernels, Team, f16};

use crate::memory::KvPlace;
use crate::program::{Op, Step};
use crate::rank::Forward;

/// Narrows a head's values to the cache's type, and returns whether it can hold them. What it cannot hold is NaN:
/// an infinite key would be a weight of 0, and go unnoticed.
pub(super) type Store<E> = fn(&Kernels, &[f32], &mut [E]) -> bool;

pub(super) fn as_f16(kernels: &Kernels, from: &[f32], to: &mut [f16]) -> bool {
    /// The least magnitude that rounds to infinity.
    const TOO_LARGE: f32 = 65_520.0;
    let fits = all(from, |x| x.abs() < TOO_LARGE);
    match fits {
        true => kernels.narrow_f16(from, to),
        false => to.fill(f16::NAN),
    }
    fits
}

pub(super) fn as_q80(kernels: &Kernels, from: &[f32], to: &mut [BlockQ80]) -> bool {
    kernels.quantize_q80(from, to).is_ok()
}

pub(super) fn as_f32(_: &Kernels, from: &[f32], to: &mut [f32]) -> bool {
    let fits = all(from, f32::is_finite);
    match fits {
        true => to.copy_from_slice(from),
        false => to.fill(f32::NAN),
    }
    fits
}

/// Without an early end, so that it vectorises.
fn all(values: &[f32], holds: impl Fn(f32) -> bool) -> bool {
    values.iter().fold(true, |all, &x| all & holds(x))
}

/// To their rows' places. No two rows of a forward share a place.
pub(super) fn store_rows<E: Pod>(forward: &Forward<'_>, team: &Team, step: &Step, store: Store<E>) {
    let Op::Attention { cache, k, v, .. } = step.op else {
        unreachable!("called for attention alone");
    };
    let rank = forward.rank;
    let (n_heads, head_dim) = (rank.caches.n_kv_heads(cache), rank.caches.head_dim(cache));
    let n_rows = forward.rows.all.len();
    // SAFETY: inputs of this step (see `ops`).
    let (keys, values) = unsafe { (rank.buffers.rows(k, n_rows), rank.buffers.rows(v, n_rows)) };
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
            if !store(&rank.kernels, &keys[head.clone()], key) {
                forward.note(step, k, task / n_heads);
            }
            if !store(&rank.kernels, &values[head], value) {
                forward.note(step, v, task / n_heads);
            }
        }
    }
}
