//! Copies the rows whose logits are wanted.

use dllama_kernels::Team;

use crate::rank::Forward;

pub(super) fn run(forward: &Forward<'_>, team: &Team, input: u32, out: u32) {
    let rank = forward.rank;
    let selected = &forward.rows.selected;
    let width = rank.buffers.width(input);
    // SAFETY: an input of this step (see `ops`).
    let x = unsafe { rank.buffers.rows(input, forward.rows.all.len()) };
    for places in team.shares(selected.len(), 1) {
        for place in places {
            let row = selected[place];
            // SAFETY: this thread's rows of the output (see `ops`).
            let out = unsafe {
                rank.buffers
                    .values_mut(out, place * width..(place + 1) * width)
            };
            out.copy_from_slice(&x[row * width..(row + 1) * width]);
        }
    }
}
