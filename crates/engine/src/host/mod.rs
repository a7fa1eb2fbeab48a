//! What the kernel tells of the machine that a rank runs on: its temperature, and whether it is slowed down.

mod throttling;
mod watch;

pub use throttling::HostState;
pub use watch::HostReport;
pub(crate) use watch::HostWatch;
