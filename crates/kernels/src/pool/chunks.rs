//! Handing out a range in pieces to whoever is free.

use core::ops::Range;

use super::sync::{AtomicUsize, Ordering};

/// The next piece of the current step.
#[derive(Debug)]
pub(super) struct Dispenser(AtomicUsize);

impl Dispenser {
    pub(super) fn new() -> Self {
        Self(AtomicUsize::new(0))
    }

    /// Begins a step.
    pub(super) fn reset(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    /// The pieces of `0..n` that fall to the caller.
    pub(super) fn chunks(&self, n: usize, chunk: usize) -> impl Iterator<Item = Range<usize>> {
        assert!(chunk > 0, "chunks of at least one");
        let n_chunks = n.div_ceil(chunk);
        core::iter::from_fn(move || {
            // Relaxed: a piece needs no order, the barriers around a step have it.
            let i = self.0.fetch_add(1, Ordering::Relaxed);
            (i < n_chunks).then(|| i * chunk..n.min(i.saturating_add(1).saturating_mul(chunk)))
        })
        // A thread that asks again after the end must not count on for ever.
        .fuse()
    }
}
