//! `out = input / sqrt(mean(input^2) + eps) * weight`

use dllama_kernels::Team;

use crate::program::{Op, Step};
use crate::rank::Forward;

pub(super) fn run(forward: &Forward<'_>, team: &Team, step: &Step) {
    let Op::RmsNorm {
        input,
        weight,
        out,
        eps,
    } = step.op
    else {
        unreachable!("called for rmsNorm alone");
    };
    let rank = forward.rank;
    let (n_rows, width) = (forward.n_rows(input), rank.buffers.width(input));
    let declared = &rank.program.weights[weight as usize];
    let scale: &[f32] = rank.weights.rows(declared, weight, 0..1);
    // SAFETY: an input of this step (see `ops`).
    let x = unsafe { rank.buffers.rows(input, n_rows) };
    for rows in team.shares(n_rows, 1) {
        for row in rows {
            let values = row * width..(row + 1) * width;
            // SAFETY: this thread's rows of the output (see `ops`).
            let out = unsafe { rank.buffers.values_mut(out, values.clone()) };
            if !rank.kernels.rms_norm(&x[values], scale, eps, out) {
                forward.note(step, input, row);
            }
        }
    }
}
