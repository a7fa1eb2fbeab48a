//! The engine of dllama: runs a Program on one rank, together with the other ranks.
//!
//! | module | idea |
//! |---|---|
//! | `program` | what a rank computes, as data, and the proof that it stays within its memory |
//! | `memory` | buffers and KV cache that threads share, availability |
//! | `weights` | a rank's slices: mapped, gathered, sent, received |
//! | `plan` | what the ranks have agreed on beside their Programs |
//! | `rows` | what a forward is asked |
//! | `rank` | one forward on one rank |
//! | `ops` | one file an op |
//! | `read_rate` | what the machine's memory can deliver at most |
//! | `roles` | the root, which has the model, and the worker, which serves it |

#[cfg(target_endian = "big")]
compile_error!("weights, caches and wire are little-endian, and used in place");

mod error;
mod float_type;
#[cfg(fuzzing)]
pub mod fuzzing;
mod memory;
mod ops;
mod plan;
pub mod program;
mod rank;
mod read_rate;
mod roles;
mod rows;
mod weights;

pub use error::Error;
pub use float_type::FloatType;
pub use plan::{AllReducePlan, Measurement, Plan};
pub use rank::{Digest, OpTimes, RowResult};
pub use read_rate::read_rate;
pub use roles::{ForwardReport, Progress, Root, RootOptions, Worker, WorkerEvent};
pub use rows::{Row, RowClass, Want};
