//! What a device tells of itself when it joins, so that a model can be shared out by it.

use crate::cores::physical_cores;
use crate::memory::free_bytes;

/// Figures of a device that cost nothing to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceFacts {
    /// Threads that it computes with.
    pub n_threads: u32,
    /// Physical cores that its process may use.
    pub n_cores: u32,
    /// Memory that a rank may take on it; `None` where it is not known.
    pub free_bytes: Option<u64>,
}

/// Of `free_bytes` on the wire: not known.
const UNKNOWN: u64 = u64::MAX;

impl DeviceFacts {
    /// This device's, as far as `max_memory` allows; `kept_bytes` of its memory are given back to a session.
    pub(super) fn of_this(n_threads: usize, kept_bytes: u64, max_memory: Option<u64>) -> Self {
        Self {
            n_threads: n_threads as u32,
            n_cores: physical_cores() as u32,
            free_bytes: free_bytes(kept_bytes, max_memory),
        }
    }

    pub(crate) fn encode(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&self.n_threads.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.n_cores.to_le_bytes());
        bytes[8..].copy_from_slice(&self.free_bytes.unwrap_or(UNKNOWN).to_le_bytes());
        bytes
    }

    /// `None` if the bytes are no facts.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (&[n_threads, n_cores, low, high], []) = bytes.as_chunks::<4>() else {
            return None;
        };
        let free = u64::from(u32::from_le_bytes(low)) | u64::from(u32::from_le_bytes(high)) << 32;
        Some(Self {
            n_threads: u32::from_le_bytes(n_threads),
            n_cores: u32::from_le_bytes(n_cores),
            free_bytes: (free != UNKNOWN).then_some(free),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_survive_the_wire_and_other_lengths_do_not() {
        for free_bytes in [None, Some(0), Some(7 << 30), Some(UNKNOWN - 1)] {
            let facts = DeviceFacts {
                n_threads: 4,
                n_cores: 1 << 20,
                free_bytes,
            };
            assert_eq!(DeviceFacts::decode(&facts.encode()), Some(facts));
        }
        for n_bytes in [0, 4, 15, 17, 20] {
            assert_eq!(DeviceFacts::decode(&vec![1; n_bytes]), None);
        }
    }

    #[test]
    fn a_limit_is_told() {
        let facts = DeviceFacts::of_this(3, 7, Some(1));
        assert_eq!((facts.n_threads, facts.free_bytes), (3, Some(1)));
        assert!(facts.n_cores >= 1);
    }
}
