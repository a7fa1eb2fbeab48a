//! What is kept on disk between sessions: units of weights by their hash (a worker), hashes by the model
//! file's identity (whoever has the file). All of it can be made again.
//!
//! Units are not believed: their bytes are hashed when they are read. Hashes of a model file are believed as long
//! as its identity (device, inode, size, times) is the same and their check is right: it finds damage, not
//! the lies of someone who writes in the user's own cache folder.

mod eviction;
pub(crate) mod kept_hashes;
mod unit_store;
mod whole_file;
mod writer;

pub(crate) use eviction::trim;
pub(crate) use kept_hashes::{KeptHashes, UnitKey};
pub(crate) use unit_store::UnitStore;
pub(crate) use writer::{CacheWriter, ToKeep};
