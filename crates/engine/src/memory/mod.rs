//! Memory that the threads of a forward share, outside of the allocator that an embedding program
//! (Electron) may have replaced.

mod available;
mod buffers;
mod kv_caches;
mod rank_memory;
mod region;

pub(crate) use available::{available_bytes, require_available};
pub(crate) use buffers::Buffers;
pub(crate) use kv_caches::{KvCaches, KvPlace};
pub(crate) use rank_memory::free_bytes;
pub use rank_memory::{RankMemory, rank_memory};
pub(crate) use region::{PART_ALIGNMENT, Region, place};
