//! `out = silu(gate) * up`

use dllama_kernels::Team;

use crate::rank::Forward;

pub(super) fn run(forward: &Forward<'_>, team: &Team, gate: u32, up: u32, out: u32) {
    let rank = forward.rank;
    let n_rows = forward.n_rows(gate);
    // SAFETY: inputs of this step (see `ops`).
    let (gate, up) = unsafe {
        (
            rank.buffers.rows(gate, n_rows),
            rank.buffers.rows(up, n_rows),
        )
    };
    // Chunks begin at fixed multiples of 64 values, so that no bits depend on the thread count.
    for values in team.shares(gate.len(), 64) {
        // SAFETY: this thread's values of the output (see `ops`).
        let out = unsafe { rank.buffers.values_mut(out, values.clone()) };
        rank.kernels.swiglu(&gate[values.clone()], &up[values], out);
    }
}
