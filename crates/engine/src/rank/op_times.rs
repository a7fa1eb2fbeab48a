//! Where the time of a forward goes, by kind of op, as thread 0 sees it.
//!
//! The clock is read where a step ends and where its barrier opens, so that it costs two readings a
//! step. What an op waits at barriers of its own, and the work of other threads, counts as the op's;
//! the wait after the op is [`OpTimes::wait`].

use std::time::{Duration, Instant};

use dllama_net::Mesh;

use crate::program::Op;

/// Wall time of one forward by kind of op. What is left of the forward's own time is its overhead:
/// messages to the workers, cosines and sines, starting the threads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OpTimes {
    /// Products of matrices, with the quantisation of their input.
    pub mat_mul: Duration,
    /// Attention, with storing keys and values.
    pub attention: Duration,
    /// RMSNorm.
    pub norm: Duration,
    /// Choosing the best tokens of each wanted row.
    pub sampling: Duration,
    /// All other ops: embedding, RoPE, SwiGLU, sums of partials, selection of rows.
    pub other: Duration,
    /// Waiting for the other threads between two steps.
    pub wait: Duration,
    /// Waiting for the network within an op, and part of no other time.
    pub network: Duration,
}

impl OpTimes {
    fn of(&mut self, op: &Op) -> &mut Duration {
        match op {
            Op::MatMul { .. } => &mut self.mat_mul,
            Op::Attention { .. } => &mut self.attention,
            Op::RmsNorm { .. } => &mut self.norm,
            Op::Candidates { .. } => &mut self.sampling,
            Op::Embedding { .. }
            | Op::Rope { .. }
            | Op::SwiGlu { .. }
            | Op::AllReduce { .. }
            | Op::SelectRows { .. } => &mut self.other,
        }
    }
}

/// Thread 0's stopwatch.
pub(super) struct OpClock<'a> {
    mesh: &'a Mesh,
    times: OpTimes,
    /// When the last span ended.
    last: Instant,
    /// What the mesh had waited by then.
    waited: Duration,
}

impl<'a> OpClock<'a> {
    pub(super) fn start(mesh: &'a Mesh) -> Self {
        Self {
            mesh,
            times: OpTimes::default(),
            last: Instant::now(),
            waited: mesh.traffic().waited,
        }
    }

    /// Counts the time since the last span as the op's.
    pub(super) fn end_op(&mut self, op: &Op) {
        let elapsed = self.lap();
        // One rank alone has no network, and saves the sum over its links.
        let network = match self.mesh.world_size() {
            1 => Duration::ZERO,
            _ => self.lap_waited(),
        };
        self.times.network += network;
        *self.times.of(op) += elapsed.saturating_sub(network);
    }

    /// Counts the time since the last span as a wait for the other threads.
    pub(super) fn end_wait(&mut self) {
        let elapsed = self.lap();
        self.times.wait += elapsed;
    }

    pub(super) fn times(&self) -> OpTimes {
        self.times
    }

    fn lap(&mut self) -> Duration {
        let now = Instant::now();
        let elapsed = now - self.last;
        self.last = now;
        elapsed
    }

    fn lap_waited(&mut self) -> Duration {
        let waited = self.mesh.traffic().waited;
        let more = waited - self.waited;
        self.waited = waited;
        more
    }
}
