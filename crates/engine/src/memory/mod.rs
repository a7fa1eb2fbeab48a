//! Memory that the threads of a forward share, outside of the allocator that an embedding program
//! (Electron) may have replaced.

mod available;
mod buffers;
mod kv_caches;
mod region;

pub(crate) use available::{available_bytes, free_bytes, require_available};
pub(crate) use buffers::Buffers;
pub(crate) use kv_caches::{KvCaches, KvPlace};
pub(crate) use region::{PART_ALIGNMENT, Region, place};
