//! The proof that a Program stays within its buffers, weights and caches.
//!
//! A [`ValidProgram`] can only be made by the checks in this folder. After them:
//!
//! - every index of an op points at a declared thing of the kind and shape its kernel needs;
//! - an op's output is none of its inputs, so threads that share a step never read what another
//!   writes;
//! - slices of the model file lie on block borders within their tensors;
//! - all sizes are small enough that their products in bytes can be computed in `u64`.
//!
//! What a forward's rows ask for (token, position, sequence) is checked a forward, in `rows.rs`.
//! The executors still cut their slices with bounds checks: a gap in these rules is a panic that
//! ends the run, not access to other memory.

mod declarations;
mod rule;
mod steps;

use std::ops::Deref;

use super::error::ProgramError;
use super::schema::Program;
use crate::error::Error;

/// A Program that has passed all checks. It cannot be changed.
#[derive(Debug, Clone)]
pub struct ValidProgram(Program);

impl ValidProgram {
    /// Checks a Program.
    ///
    /// # Errors
    ///
    /// [`ProgramError`] of the first rule that is broken.
    pub fn new(program: Program) -> Result<Self, ProgramError> {
        declarations::check(&program)?;
        steps::check(&program)?;
        Ok(Self(program))
    }

    /// Checks that this Program was written for a rank of a world.
    ///
    /// # Errors
    ///
    /// [`Error::Mismatch`].
    pub(crate) fn require_place(&self, rank: usize, world_size: usize) -> Result<(), Error> {
        let place = |rank, world_size| format!("rank {rank} of {world_size}");
        let own = (self.0.rank as usize, self.0.world_size as usize);
        if own == (rank, world_size) {
            return Ok(());
        }
        Err(Error::Mismatch {
            what: "the program's place",
            expected: place(rank, world_size),
            got: place(own.0, own.1),
        })
    }
}

impl Deref for ValidProgram {
    type Target = Program;

    fn deref(&self) -> &Program {
        &self.0
    }
}
