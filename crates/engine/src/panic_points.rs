//! Panics on demand, with the feature `panic-points`, which no build that is published has: tests see what a
//! bug in the middle of a session does to it and to the process.
//!
//! A point is passed by every rank of the process, so that arming names the rank, too. Without the feature
//! [`pass`] is nothing.

#[cfg(feature = "panic-points")]
mod armed {
    use std::sync::{Mutex, PoisonError};

    static ARMED: Mutex<Option<(String, usize)>> = Mutex::new(None);

    /// The next time that rank `rank` passes `point`, it panics.
    pub fn arm(point: &str, rank: usize) {
        *ARMED.lock().unwrap_or_else(PoisonError::into_inner) = Some((point.to_owned(), rank));
    }

    /// Panics if it is armed.
    pub fn pass(point: &str, rank: usize) {
        let mut armed = ARMED.lock().unwrap_or_else(PoisonError::into_inner);
        if armed
            .as_ref()
            .is_some_and(|(name, of)| name == point && *of == rank)
        {
            *armed = None;
            drop(armed);
            panic!("the test's panic at {point}");
        }
    }
}

#[cfg(feature = "panic-points")]
pub use armed::{arm, pass};

/// Does nothing without the feature.
#[cfg(not(feature = "panic-points"))]
#[inline(always)]
pub fn pass(_: &str, _: usize) {}
