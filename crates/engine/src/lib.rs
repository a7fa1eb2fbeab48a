//! The engine of dllama: runs a Program on one rank, together with the other ranks.
//!
//! | module | idea |
//! |---|---|
//! | `program` | what a rank computes, as data, and the proof that it stays within its memory |
//! | `host` | what the kernel tells of the machine: temperature, throttling |
//! | `control_group` | what a container or service manager leaves to the process |
//! | `memory` | buffers and KV cache that threads share, availability |
//! | `weights` | a rank's slices: mapped, gathered, of which units |
//! | `transfer` | units from the root's file to a worker's memory, those that the worker lacks |
//! | `cache` | units and hashes on disk, between sessions |
//! | `cores`, `matmul_rates` | what a device can do, as far as sharing a model out needs it |
//! | `plan` | what the ranks have agreed on beside their Programs |
//! | `rows` | what a forward is asked |
//! | `rank` | one forward on one rank |
//! | `ops` | one file an op |
//! | `read_rate` | what the machine's memory can deliver at most |
//! | `guard` | where a panic becomes an error |
//! | `roles` | the root, which has the model, and the worker, which serves it |

#[cfg(target_endian = "big")]
compile_error!("weights, caches and wire are little-endian, and used in place");

mod cache;
#[cfg(target_os = "linux")]
mod control_group;
mod cores;
mod error;
mod float_type;
#[cfg(fuzzing)]
pub mod fuzzing;
mod guard;
mod host;
mod matmul_rates;
mod memory;
mod ops;
pub mod panic_points;
mod plan;
pub mod program;
mod rank;
mod read_rate;
mod roles;
mod rows;
mod transfer;
mod weights;

pub use cores::physical_cores;
pub use error::Error;
pub use float_type::FloatType;
pub use guard::guarded;
pub use host::{HostReport, HostState};
pub use matmul_rates::MatmulRates;
pub use plan::{AllReducePlan, Measurement, Plan};
pub use rank::{
    Digest, ForwardTimes, NotFinite, OpTimes, RankMemory, RankTimes, RowResult, rank_memory,
};
pub use read_rate::read_rate;
pub use roles::{
    Connected, DeviceFacts, ForwardReport, Progress, Root, RootOptions, RootWatch, Storage, Worker,
    WorkerEvent, WorkerOptions,
};
pub use rows::{Row, RowClass, Want};
pub use transfer::Tally;
