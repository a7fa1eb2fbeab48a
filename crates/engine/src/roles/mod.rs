//! What a rank is for the others: the root, which asks, or a worker, which serves.

mod connected;
mod current;
mod device;
pub(crate) mod keeper;
mod loading;
pub(crate) mod messages;
mod place;
pub(crate) mod planning;
mod questions;
mod root;
pub(crate) mod session;
mod times;
pub(crate) mod truncation;
mod watch;
mod worker;

pub use connected::Connected;
pub use device::DeviceFacts;
pub use keeper::Storage;
pub use loading::Progress;
pub use root::{ForwardReport, Root, RootOptions};
pub use watch::RootWatch;
pub use worker::{Worker, WorkerEvent, WorkerOptions};
