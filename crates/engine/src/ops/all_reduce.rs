//! `into += sum over the ranks of input`

use dllama_kernels::Team;
use dllama_net::{Codec, F32Codec};

use crate::error::Error;
use crate::program::{Step, WireType};
use crate::rank::{Forward, Q80Codec};

pub(super) fn run(forward: &Forward<'_>, team: &Team, step: &Step, input: u32, into: u32) {
    let rank = forward.rank;
    let n_rows = forward.rows.all.len();
    // SAFETY: an input of this step (see `ops`).
    let partial = unsafe { rank.buffers.rows(input, n_rows) };
    if forward.mesh.world_size() == 1 {
        for values in team.shares(partial.len(), 64) {
            // SAFETY: this thread's values of the output (see `ops`).
            let into = unsafe { rank.buffers.values_mut(into, values.clone()) };
            rank.kernels.add_assign(into, &partial[values]);
        }
        return;
    }
    if team.thread() != 0 {
        return;
    }
    let q80 = Q80Codec(rank.kernels);
    let codec: &dyn Codec = match rank.program.buffer_float_type {
        WireType::Q80 => &q80,
        WireType::F32 => &F32Codec,
    };
    // SAFETY: the other threads are on their way to the next barrier.
    let into = unsafe { rank.buffers.values_mut(into, 0..partial.len()) };
    let row_bytes = codec.encoded_len(rank.buffers.width(input));
    let plan = rank.plan.all_reduce;
    let how = plan.choose(forward.rows.class, n_rows, row_bytes);
    if let Err(error) = forward.mesh.all_reduce(how, codec, partial, into) {
        let error = match error {
            dllama_net::Error::NotFinite { index } => Error::not_finite(step, index),
            other => other.into(),
        };
        forward.fail(team, error);
    }
}
