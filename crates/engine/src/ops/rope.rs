//! Turns query and key heads by their row's position.

use dllama_kernels::Team;

use crate::program::RopeStyle;
use crate::rank::Forward;

pub(super) fn run(forward: &Forward<'_>, team: &Team, rope: u32, buffers: &[u32]) {
    let rank = forward.rank;
    let n_rows = forward.rows.all.len();
    let style = rank.program.ropes[rope as usize].style;
    let n_tasks = n_rows * buffers.len();
    for tasks in team.shares(n_tasks, 1) {
        for task in tasks {
            let (row, buffer) = (task / buffers.len(), buffers[task % buffers.len()]);
            let width = rank.buffers.width(buffer);
            let (cos, sin) = rank.turns.of_row(rope, row);
            // SAFETY: this thread's row of this buffer (see `ops`; the buffers are distinct).
            let x = unsafe {
                rank.buffers
                    .values_mut(buffer, row * width..(row + 1) * width)
            };
            match style {
                RopeStyle::Interleaved => rank.kernels.rope_interleaved(x, cos, sin),
                RopeStyle::HalfSplit => rank.kernels.rope_half_split(x, cos, sin),
            }
        }
    }
}
