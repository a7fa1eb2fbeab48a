//! Whether memory that will be needed can be had, asked before it is taken.

#[cfg(target_os = "linux")]
use crate::control_group::memory_room;
use crate::error::Error;

/// Refuses `n_bytes` for `what` where the system says that so many are not available.
///
/// Mapped weights do not count: their pages can be given back and read again.
///
/// # Errors
///
/// [`Error::OutOfMemory`]; `None` for `n_bytes` is more than an address can count.
pub(crate) fn require_available(what: &str, n_bytes: Option<usize>) -> Result<(), Error> {
    let needed = n_bytes.ok_or(Error::TooLarge)? as u64;
    match available_bytes() {
        Some(available) if needed > available => Err(Error::OutOfMemory {
            what: what.to_owned(),
            needed,
            available,
        }),
        _ => Ok(()),
    }
}

/// What a rank may take now: what the system has and `kept_bytes` that it has already, within `max_bytes`.
/// `None` where neither is known.
pub(crate) fn free_bytes(kept_bytes: u64, max_bytes: Option<u64>) -> Option<u64> {
    let available = available_bytes().map(|n_bytes| n_bytes.saturating_add(kept_bytes));
    [available, max_bytes].into_iter().flatten().min()
}

/// What the kernel estimates it can give without swapping, within the limits of the control groups.
#[cfg(target_os = "linux")]
pub(crate) fn available_bytes() -> Option<u64> {
    let info = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = info
        .lines()
        .find(|line| line.starts_with("MemAvailable:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    let available = kib.saturating_mul(1024);
    Some(memory_room().map_or(available, |room| room.min(available)))
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn available_bytes() -> Option<u64> {
    None
}
