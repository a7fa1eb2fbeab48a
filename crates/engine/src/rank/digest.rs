//! Fingerprints of a rank's state, to show that ranks agree and that a replay rebuilds the cache.

use std::hash::{DefaultHasher, Hasher};

use super::Rank;
use crate::panic_points;
use crate::program::Op;

/// Two states with equal digests have, but for a chance of 2^-64, equal bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digest {
    /// Of the buffers that all ranks hold alike after the last forward: what collectives wrote.
    pub replicated: u64,
    /// Of this rank's KV cache.
    pub kv_cache: u64,
}

impl Rank {
    pub(crate) fn digest(&self) -> Digest {
        panic_points::pass("digest", self.program.rank as usize);
        let mut replicated = DefaultHasher::new();
        for step in &self.program.steps {
            if let Op::AllReduce { into, .. } | Op::Embedding { out: into, .. } = &step.op {
                // SAFETY: `&self` outside of a forward: no thread writes.
                let rows = unsafe { self.buffers.rows(*into, self.last.n_rows) };
                replicated.write(bytemuck::cast_slice(rows));
            }
        }
        let mut kv_cache = DefaultHasher::new();
        // SAFETY: as above.
        kv_cache.write(unsafe { self.caches.bytes() });
        Digest {
            replicated: replicated.finish(),
            kv_cache: kv_cache.finish(),
        }
    }
}
