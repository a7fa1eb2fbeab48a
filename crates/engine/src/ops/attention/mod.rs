//! Stores this forward's keys and values, then attends to all positions up to each row's own.
//!
//! A task is a run of rows with one KV head: what is read of the cache serves all its queries. Of `exact` rows, of
//! which there may be one alone, a task is only a span of the positions ([`spans`]), so that there are tasks for
//! more threads than KV heads, and equal ones.

mod spans;
mod store;
mod task;

use bytemuck::Pod;
use dllama_kernels::{BlockQ80, CacheElement, Flow, Team, f16};

use crate::program::{CacheType, Op, Step};
use crate::rank::Forward;
use crate::rows::RowClass;
use store::{Store, store_rows};
use task::Task;

pub(super) fn run(forward: &Forward<'_>, team: &Team, step: &Step) -> Flow {
    match forward.rank.program.kv_cache_type {
        CacheType::F16 => run_with::<f16>(forward, team, step, store::as_f16),
        CacheType::Q80 => run_with::<BlockQ80>(forward, team, step, store::as_q80),
        CacheType::F32 => run_with::<f32>(forward, team, step, store::as_f32),
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
    let most = forward.n_positions.iter().max().copied().unwrap_or(0);
    if forward.rows.class == RowClass::Exact && most > spans::POSITIONS {
        return spans::run::<E>(forward, team, &step.op, most);
    }
    let n_kv_heads = forward.rank.caches.n_kv_heads(cache);
    let n_tasks = forward.runs.len() * n_kv_heads;
    for tasks in team.shares(n_tasks, 1) {
        for index in tasks {
            // The last runs see most positions, so that short tasks are left for the end.
            let run = forward.runs.len() - 1 - index / n_kv_heads;
            let task = Task::new(forward, &step.op, run, index % n_kv_heads);
            task.pieces().for_each(|piece| piece.attend::<E>());
        }
    }
    Flow::Continue
}
