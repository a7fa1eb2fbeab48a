//! How a rank runs each op: one file an op, named after it.
//!
//! Every function is called by all threads of the team with equal arguments, divides the work among
//! them, and may wait at barriers within. The caller waits at one more after it.
//!
//! Safety, once for all of them: a step's output buffers are none of its inputs (the Program's
//! rules), the threads divide the outputs by disjoint ranges of chunks, and between two steps there
//! is a barrier. So nobody reads what another thread writes at the same time.

mod all_reduce;
mod attention;
pub(crate) mod candidates;
mod embedding;
mod mat_mul;
mod overlap;
mod rms_norm;
mod rope;
mod select_rows;
mod swi_glu;

use dllama_kernels::{Flow, Team};
pub(crate) use overlap::Overlap;

use crate::program::{Op, Step};
use crate::rank::Forward;

/// Runs a step; `Stop` when the forward has failed.
pub(crate) fn run(forward: &Forward<'_>, team: &Team, step: &Step) -> Flow {
    match &step.op {
        Op::Embedding { weight, wire, out } => {
            return embedding::run(forward, team, *weight, *wire, *out);
        }
        Op::RmsNorm { .. } => rms_norm::run(forward, team, step),
        Op::MatMul { input, products } => {
            return mat_mul::run(forward, team, step, *input, products);
        }
        Op::Rope { rope, buffers } => rope::run(forward, team, *rope, buffers),
        Op::Attention { .. } => return attention::run(forward, team, step),
        Op::SwiGlu { gate, up, out } => swi_glu::run(forward, team, *gate, *up, *out),
        Op::AllReduce { input, into } => all_reduce::run(forward, team, *input, *into),
        Op::SelectRows { input, out } => select_rows::run(forward, team, *input, *out),
        Op::Candidates { .. } => return candidates::run(forward, team, step),
    }
    Flow::Continue
}
