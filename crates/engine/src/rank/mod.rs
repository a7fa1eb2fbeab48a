//! One rank: its Program with the memory that it runs on.

mod digest;
mod forward;
mod op_times;
mod q80_codec;
mod results;
mod scratch;

use std::sync::Arc;

use dllama_kernels::Kernels;

use crate::error::Error;
use crate::memory::{Buffers, KvCaches, require_available};
use crate::plan::Plan;
use crate::program::{Step, ValidProgram};
use crate::weights::Weights;

pub use digest::Digest;
pub(crate) use forward::Forward;
pub use op_times::OpTimes;
pub(crate) use q80_codec::Q80Codec;
pub(crate) use results::RecordShape;
pub use results::RowResult;
pub(crate) use scratch::{SPAN, Scratch};

/// A rank that is ready to compute.
pub(crate) struct Rank {
    pub(crate) program: ValidProgram,
    pub(crate) kernels: Kernels,
    pub(crate) plan: Plan,
    pub(crate) weights: Arc<Weights>,
    pub(crate) buffers: Buffers,
    pub(crate) caches: KvCaches,
    pub(crate) scratch: Scratch,
    /// Positions of each sequence that are in the cache.
    lengths: Vec<u32>,
    /// Rows of the last forward, all and selected.
    last: (usize, usize),
}

impl Rank {
    /// Refuses a Program whose memory cannot be had: `weight_bytes` of weights that are not mapped,
    /// the KV cache, the buffers.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`].
    pub(crate) fn require_memory(program: &ValidProgram, weight_bytes: usize) -> Result<(), Error> {
        let parts = [
            Some(weight_bytes),
            KvCaches::n_bytes(program),
            Buffers::n_bytes(program),
        ];
        let total = parts
            .into_iter()
            .try_fold(0usize, |sum, part| sum.checked_add(part?));
        require_available(
            "the slices, the KV cache and the buffers of this rank",
            total,
        )
    }

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
        Ok(Self {
            buffers: Buffers::new(&program)?,
            caches: KvCaches::new(&program)?,
            scratch: Scratch::new(&program)?,
            lengths: vec![0; program.n_sequences as usize],
            last: (0, 0),
            program,
            kernels,
            plan,
            weights,
        })
    }

    /// The last step, which the rules of a Program make the candidates.
    pub(crate) fn last_step(&self) -> &Step {
        self.program
            .steps
            .last()
            .expect("a valid program has steps")
    }
}
