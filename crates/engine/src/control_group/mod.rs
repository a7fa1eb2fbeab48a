//! Limits of the control groups that this process runs in, which containers and service managers set.
//!
//! Only memory is looked at here: processors are counted by the standard library, which knows both versions of
//! control groups (`crate::cores`).

mod folders;
mod memory;

use std::path::Path;

/// Bytes that this process can still take before the first of its groups reaches its limit; `None` without a limit.
pub(crate) fn memory_room() -> Option<u64> {
    memory::room(Path::new("/"))
}
