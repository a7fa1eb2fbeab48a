//! This rank's slices of the model: where they lie in memory, and of which units they are made.

mod gather;
mod hash;
mod model_file;
mod plan;
mod read_ahead;
mod rectangle;
mod store;
mod units;

pub(crate) use hash::hash_of;
pub use model_file::ModelFile;
pub(crate) use plan::{WeightPlan, n_bytes};
pub(crate) use read_ahead::ReadAhead;
pub(crate) use store::Weights;
pub(crate) use units::{Unit, has_whole_rows, unit_list_bytes, units_of};
