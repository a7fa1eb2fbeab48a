//! `into += sum over the ranks of input`

use dllama_kernels::Team;
use dllama_net::{AllReduce, Codec, F32Codec};

use crate::program::WireType;
use crate::rank::{Forward, Q80Codec, Rank};

pub(super) fn run(forward: &Forward<'_>, team: &Team, input: u32, into: u32) {
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
    let codec = WireCodec::of(rank);
    // SAFETY: the other threads are on their way to the next barrier.
    let into = unsafe { rank.buffers.values_mut(into, 0..partial.len()) };
    let how = way(forward, codec.encoded_len(rank.buffers.width(input)));
    if let Err(error) = forward.mesh.all_reduce(how, &codec, partial, into) {
        forward.fail(team, error.into());
    }
}

/// The way that the plan has for the rows of this forward.
pub(super) fn way(forward: &Forward<'_>, row_bytes: usize) -> AllReduce {
    let (plan, rows) = (forward.rank.plan.all_reduce, forward.rows);
    plan.choose(rows.class, rows.all.len(), row_bytes)
}

/// How partials go over the wire.
pub(super) enum WireCodec {
    Q80(Q80Codec),
    F32(F32Codec),
}

impl WireCodec {
    pub(super) fn of(rank: &Rank) -> Self {
        match rank.program.buffer_float_type {
            WireType::Q80 => Self::Q80(Q80Codec(rank.kernels)),
            WireType::F32 => Self::F32(F32Codec),
        }
    }

    fn codec(&self) -> &dyn Codec {
        match self {
            Self::Q80(codec) => codec,
            Self::F32(codec) => codec,
        }
    }
}

impl Codec for WireCodec {
    fn granularity(&self) -> usize {
        self.codec().granularity()
    }

    fn encoded_len(&self, n_values: usize) -> usize {
        self.codec().encoded_len(n_values)
    }

    fn encode(&self, values: &[f32], out: &mut [u8]) {
        self.codec().encode(values, out);
    }

    fn add_decoded(&self, bytes: &[u8], acc: &mut [f32]) {
        self.codec().add_decoded(bytes, acc);
    }
}
