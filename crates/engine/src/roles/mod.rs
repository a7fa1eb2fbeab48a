//! What a rank is for the others: the root, which asks, or a worker, which serves.

mod messages;
mod root;
mod worker;

pub use root::{ForwardReport, Progress, Root, RootOptions};
pub use worker::{Worker, WorkerEvent};
