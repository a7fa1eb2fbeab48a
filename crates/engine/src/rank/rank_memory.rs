//! The memory that a rank takes, known before it is taken. TypeScript has the same figures for its plans
//! (`packages/core/src/planning/rank-memory.ts`); a test compares the two.

use super::collective_memory::collective_bytes;
use super::{Scratch, Turns};
use crate::error::Error;
use crate::memory::{Buffers, KvCaches, available_bytes};
use crate::program::ValidProgram;
use crate::weights::{WeightPlan, unit_list_bytes};

/// Bytes that a rank takes, by what they are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RankMemory {
    /// Weights of its own: received by a worker, gathered by the root. Mapped ones are pageable.
    pub weight_bytes: u64,
    /// Keys and values.
    pub kv_cache_bytes: u64,
    /// Activations.
    pub buffer_bytes: u64,
    /// What ops and collectives need while they run, and lists of the weights' units.
    pub scratch_bytes: u64,
    /// Cosines and sines of RoPE.
    pub turn_bytes: u64,
}

/// What the rank that a Program is for takes.
///
/// # Errors
///
/// [`Error::Program`] for a Program that breaks a rule, [`Error::TooLarge`].
pub fn rank_memory(program: &str) -> Result<RankMemory, Error> {
    let program = ValidProgram::parse(program.as_bytes())
        .map_err(|source| Error::Program { rank: 0, source })?;
    let weights = match program.rank {
        0 => WeightPlan::for_root(&program)?,
        _ => WeightPlan::for_worker(&program)?,
    };
    RankMemory::of(&program, weights.owned_bytes)
}

impl RankMemory {
    /// # Errors
    ///
    /// [`Error::TooLarge`] for more than an address can count.
    pub(crate) fn of(program: &ValidProgram, weight_bytes: usize) -> Result<Self, Error> {
        let n_bytes = |part: Option<usize>| part.map(|n| n as u64).ok_or(Error::TooLarge);
        let scratch = || {
            let sent = collective_bytes(program)?.checked_add(unit_list_bytes(program)?)?;
            sent.checked_add(Scratch::n_bytes(program)?)
        };
        Ok(Self {
            weight_bytes: weight_bytes as u64,
            kv_cache_bytes: n_bytes(KvCaches::n_bytes(program))?,
            buffer_bytes: n_bytes(Buffers::n_bytes(program))?,
            scratch_bytes: n_bytes(scratch())?,
            turn_bytes: n_bytes(Turns::n_bytes(program))?,
        })
    }

    /// All of it.
    pub fn total_bytes(&self) -> u64 {
        let parts = [
            self.weight_bytes,
            self.kv_cache_bytes,
            self.buffer_bytes,
            self.scratch_bytes,
            self.turn_bytes,
        ];
        parts.into_iter().fold(0, u64::saturating_add)
    }

    /// Refuses it where the system does not have that much, or `max_bytes` does not allow it.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`], [`Error::MemoryLimit`].
    pub(crate) fn require(&self, max_bytes: Option<u64>) -> Result<(), Error> {
        self.require_beyond(0, max_bytes)
    }

    /// Refuses it where `max_bytes` does not allow it.
    ///
    /// # Errors
    ///
    /// [`Error::MemoryLimit`].
    pub(crate) fn require_within(&self, max_bytes: Option<u64>) -> Result<(), Error> {
        let needed = self.total_bytes();
        match max_bytes {
            Some(allowed) if needed > allowed => Err(Error::MemoryLimit {
                what: self.to_string(),
                needed,
                allowed,
            }),
            _ => Ok(()),
        }
    }

    /// The same for a rank that has `taken_bytes` of it already.
    ///
    /// # Errors
    ///
    /// As [`require`](Self::require).
    pub(crate) fn require_beyond(
        &self,
        taken_bytes: u64,
        max_bytes: Option<u64>,
    ) -> Result<(), Error> {
        self.require_within(max_bytes)?;
        let (what, needed) = (self.to_string(), self.total_bytes());
        match available_bytes() {
            Some(available) if needed.saturating_sub(taken_bytes) > available => {
                Err(Error::OutOfMemory {
                    what,
                    needed: needed.saturating_sub(taken_bytes),
                    available,
                })
            }
            _ => Ok(()),
        }
    }
}

impl std::fmt::Display for RankMemory {
    /// `this rank's weights (400 MiB), KV cache (128 MiB), buffers (8 MiB), scratch (3 MiB) and turns (1 MiB)`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mib = |n_bytes: u64| n_bytes.div_ceil(1 << 20);
        write!(
            f,
            "this rank's weights ({} MiB), KV cache ({} MiB), buffers ({} MiB), scratch ({} MiB) and turns ({} MiB)",
            mib(self.weight_bytes),
            mib(self.kv_cache_bytes),
            mib(self.buffer_bytes),
            mib(self.scratch_bytes),
            mib(self.turn_bytes)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::free_bytes;

    #[test]
    fn a_limit_holds_to_the_byte() {
        let memory = RankMemory {
            weight_bytes: 1000,
            kv_cache_bytes: 200,
            buffer_bytes: 30,
            scratch_bytes: 4,
            turn_bytes: 5,
        };
        assert!(memory.require(Some(1239)).is_ok());
        let error = memory.require(Some(1238)).expect_err("too much");
        assert_eq!(error.code(), "OUT_OF_MEMORY");
        assert!(error.hint().is_some());
        assert_eq!(free_bytes(0, Some(1238)), Some(1238));
        if available_bytes().is_some() {
            assert_eq!(free_bytes(u64::MAX, None), Some(u64::MAX));
        }
    }

    #[test]
    fn more_than_the_system_has_is_refused() {
        let memory = RankMemory {
            weight_bytes: u64::MAX,
            kv_cache_bytes: 1,
            buffer_bytes: 1,
            scratch_bytes: 1,
            turn_bytes: 1,
        };
        assert_eq!(memory.total_bytes(), u64::MAX);
        if available_bytes().is_some() {
            assert!(matches!(
                memory.require(None),
                Err(Error::OutOfMemory { .. })
            ));
        }
    }
}
