//! One rank: its Program with the memory that it runs on.

mod collective_memory;
mod digest;
mod forward;
mod notes;
mod op_times;
mod q80_codec;
mod rank_memory;
mod results;
mod scratch;
mod times;
mod turns;

use std::sync::Arc;

use dllama_kernels::Kernels;

use crate::error::Error;
use crate::memory::{Buffers, KvCaches};
use crate::panic_points;
use crate::plan::Plan;
use crate::program::{Step, ValidProgram};
use crate::weights::Weights;

pub use digest::Digest;
pub(crate) use forward::Forward;
pub use notes::NotFinite;
pub use op_times::OpTimes;
pub(crate) use q80_codec::Q80Codec;
pub use rank_memory::{RankMemory, rank_memory};
pub(crate) use results::RecordShape;
pub use results::RowResult;
pub(crate) use scratch::{SPAN, Scratch};
pub(crate) use times::TimesLedger;
pub use times::{ForwardTimes, RankTimes};
use turns::Turns;

/// A rank that is ready to compute.
pub(crate) struct Rank {
    pub(crate) program: ValidProgram,
    pub(crate) kernels: Kernels,
    pub(crate) plan: Plan,
    pub(crate) weights: Arc<Weights>,
    pub(crate) buffers: Buffers,
    pub(crate) caches: KvCaches,
    pub(crate) scratch: Scratch,
    pub(crate) turns: Turns,
    pub(crate) times: TimesLedger,
    /// Positions of each sequence that are in the cache.
    lengths: Vec<u32>,
    last: LastForward,
}

/// What later questions about the last forward need.
#[derive(Default)]
struct LastForward {
    n_rows: usize,
    n_wanted: usize,
    /// The wanted rows that have no result, by their place among the wanted. The root alone knows.
    failed: Vec<usize>,
}

impl Rank {
    /// Takes the memory that the Program asks for.
    ///
    /// # Errors
    ///
    /// [`Error::System`] or [`Error::TooLarge`] where it cannot be had.
    pub(crate) fn new(
        program: ValidProgram,
        kernels: Kernels,
        weights: Arc<Weights>,
        plan: Plan,
    ) -> Result<Self, Error> {
        panic_points::pass("load", program.rank as usize);
        Ok(Self {
            buffers: Buffers::new(&program)?,
            caches: KvCaches::new(&program)?,
            scratch: Scratch::new(&program)?,
            turns: Turns::new(&program)?,
            times: TimesLedger::new(),
            lengths: vec![0; program.n_sequences as usize],
            last: LastForward::default(),
            program,
            kernels,
            plan,
            weights,
        })
    }

    /// Forgets all sequences: the KV cache is empty. Times begin anew, as those of workers that load again.
    pub(crate) fn clear(&mut self) {
        panic_points::pass("clear", self.program.rank as usize);
        self.times = TimesLedger::new();
        self.lengths.fill(0);
        self.last = LastForward::default();
    }

    /// The last step, which the rules of a Program make the candidates.
    pub(crate) fn last_step(&self) -> &Step {
        self.program
            .steps
            .last()
            .expect("a valid program has steps")
    }
}
