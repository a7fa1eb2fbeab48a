//! Handing out a range in pieces to whoever is free.

use core::ops::Range;

use super::sync::{AtomicUsize, Ordering};

/// Where the rest of the current step begins.
#[derive(Debug)]
pub(super) struct Dispenser(AtomicUsize);

/// A piece is the rest of the range, divided by the threads and by this.
const PIECES_AHEAD: usize = 2;

impl Dispenser {
    pub(super) fn new() -> Self {
        Self(AtomicUsize::new(0))
    }

    /// Begins a step.
    pub(super) fn reset(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    /// The pieces of `0..n` that fall to the caller, each of `chunk` (the last may be shorter).
    pub(super) fn chunks(&self, n: usize, chunk: usize) -> impl Iterator<Item = Range<usize>> {
        assert!(chunk > 0, "chunks of at least one");
        self.pieces(n, move |_| chunk)
    }

    /// The pieces of `0..n` that fall to the caller: large ones first, which are quick to hand out and to read
    /// through, and then smaller ones, so that all threads end at about the same time. Each but the last is a
    /// multiple of `unit`.
    pub(super) fn shares(
        &self,
        n: usize,
        unit: usize,
        n_threads: usize,
    ) -> impl Iterator<Item = Range<usize>> {
        assert!(unit > 0, "units of at least one");
        self.pieces(n, move |rest| match n_threads {
            1 => rest,
            _ => (rest / (n_threads * PIECES_AHEAD))
                .next_multiple_of(unit)
                .max(unit),
        })
    }

    fn pieces(
        &self,
        n: usize,
        size: impl Fn(usize) -> usize,
    ) -> impl Iterator<Item = Range<usize>> {
        core::iter::from_fn(move || {
            let end = |start: usize| n.min(start.saturating_add(size(n.saturating_sub(start))));
            // Relaxed: a piece needs no order, the barriers around a step have it.
            let next = |start| (start < n).then(|| end(start));
            let start = self
                .0
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
            start.ok().map(|start| start..end(start))
        })
    }
}
