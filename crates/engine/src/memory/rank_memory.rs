//! The memory that a rank takes, known before it is taken. TypeScript has the same figures for its plans
//! (`packages/core/src/planning/rank-memory.ts`); a test compares the two.

use super::available::available_bytes;
use super::{Buffers, KvCaches};
use crate::error::Error;
use crate::program::ValidProgram;
use crate::weights::WeightPlan;

/// Bytes that a rank takes, by what they are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RankMemory {
    /// Weights of its own: received by a worker, gathered by the root. Mapped ones are pageable.
    pub weight_bytes: u64,
    /// Keys and values.
    pub kv_cache_bytes: u64,
    /// Activations.
    pub buffer_bytes: u64,
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
        Ok(Self {
            weight_bytes: weight_bytes as u64,
            kv_cache_bytes: n_bytes(KvCaches::n_bytes(program))?,
            buffer_bytes: n_bytes(Buffers::n_bytes(program))?,
        })
    }

    /// All of it.
    pub fn total_bytes(&self) -> u64 {
        let cached = self.weight_bytes.saturating_add(self.kv_cache_bytes);
        cached.saturating_add(self.buffer_bytes)
    }

    /// Refuses it where the system does not have that much, or `max_bytes` does not allow it.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`], [`Error::MemoryLimit`].
    pub(crate) fn require(&self, max_bytes: Option<u64>) -> Result<(), Error> {
        self.require_beyond(0, max_bytes)
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
        let needed = self.total_bytes();
        let what = self.to_string();
        if let Some(allowed) = max_bytes.filter(|&allowed| needed > allowed) {
            return Err(Error::MemoryLimit {
                what,
                needed,
                allowed,
            });
        }
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
    /// `this rank's weights (400 MiB), KV cache (128 MiB) and buffers (8 MiB)`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mib = |n_bytes: u64| n_bytes.div_ceil(1 << 20);
        write!(
            f,
            "this rank's weights ({} MiB), KV cache ({} MiB) and buffers ({} MiB)",
            mib(self.weight_bytes),
            mib(self.kv_cache_bytes),
            mib(self.buffer_bytes)
        )
    }
}

/// What a rank may take now: what the system has and `kept_bytes` that it has already, within `max_bytes`.
/// `None` where neither is known.
pub(crate) fn free_bytes(kept_bytes: u64, max_bytes: Option<u64>) -> Option<u64> {
    let available = available_bytes().map(|n_bytes| n_bytes.saturating_add(kept_bytes));
    [available, max_bytes].into_iter().flatten().min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_holds_to_the_byte() {
        let memory = RankMemory {
            weight_bytes: 1000,
            kv_cache_bytes: 200,
            buffer_bytes: 30,
        };
        assert!(memory.require(Some(1230)).is_ok());
        let error = memory.require(Some(1229)).expect_err("too much");
        assert_eq!(error.code(), "OUT_OF_MEMORY");
        assert!(error.hint().is_some());
        assert_eq!(free_bytes(0, Some(1229)), Some(1229));
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
