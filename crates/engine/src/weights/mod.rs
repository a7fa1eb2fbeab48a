//! This rank's slices of the model: where they lie in memory, and how they get there.

mod gather;
mod model_file;
mod plan;
mod read_ahead;
mod store;
mod transfer;

pub use model_file::ModelFile;
pub(crate) use plan::{WeightPlan, n_bytes};
pub(crate) use read_ahead::ReadAhead;
pub(crate) use store::Weights;
pub(crate) use transfer::send;
