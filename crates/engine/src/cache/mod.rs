//! What is kept on disk between sessions: units of weights by their hash (a worker), hashes by the model
//! file's identity (whoever has the file). All of it can be made again, and nothing of it is believed.

mod eviction;
pub(crate) mod kept_hashes;
mod unit_store;
mod whole_file;
mod writer;

pub(crate) use kept_hashes::{KeptHashes, UnitKey};
pub(crate) use unit_store::UnitStore;
pub(crate) use writer::{CacheWriter, ToKeep};
