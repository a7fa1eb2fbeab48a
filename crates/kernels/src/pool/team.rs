//! What a job sees of the pool: which thread it is, and how it meets the others.

use core::marker::PhantomData;
use core::ops::Range;

use super::run::Shared;

/// What a barrier tells every thread alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a thread that goes on after Stop does so alone"]
pub enum Flow {
    /// On to the next step.
    Continue,
    /// The job is to return: a thread asked for it, or panicked.
    Stop,
}

/// One thread's place in a run. It stays on its thread.
#[derive(Debug)]
pub struct Team<'a> {
    shared: &'a Shared,
    thread: usize,
    /// Neither Send nor Sync: a barrier counts threads, each once.
    on_its_thread: PhantomData<*const ()>,
}

impl<'a> Team<'a> {
    pub(super) fn new(shared: &'a Shared, thread: usize) -> Self {
        Self {
            shared,
            thread,
            on_its_thread: PhantomData,
        }
    }

    /// This thread's index; the caller of the run is 0.
    pub fn thread(&self) -> usize {
        self.thread
    }

    /// Threads of the pool.
    pub fn n_threads(&self) -> usize {
        self.shared.n_threads
    }

    /// Waits until every thread is here, and gives all of them the same answer.
    /// What a thread wrote before, the others see after.
    pub fn barrier(&self) -> Flow {
        let chunks = &self.shared.chunks;
        self.shared.barrier.wait(|| chunks.reset())
    }

    /// Makes the next barrier, and every later one of this run, answer Stop.
    pub fn stop(&self) {
        self.shared.barrier.request_stop();
    }

    /// This thread's part of `0..n`, handed out in pieces of `chunk` (the last may be
    /// shorter) as threads become free. Every piece goes to exactly one thread.
    ///
    /// Between two barriers a thread calls it at most once, all with equal arguments.
    ///
    /// # Panics
    ///
    /// If `chunk` is 0.
    pub fn chunks(&self, n: usize, chunk: usize) -> impl Iterator<Item = Range<usize>> {
        self.shared.chunks.chunks(n, chunk)
    }

    /// This thread's part of `0..n`, handed out as threads become free in pieces that become smaller to the
    /// end, so that a slow core does not hold the others. All are multiples of `unit` but the last.
    ///
    /// Between two barriers a thread calls this or [`chunks`](Self::chunks) at most once, all with equal
    /// arguments.
    ///
    /// # Panics
    ///
    /// If `unit` is 0.
    pub fn shares(&self, n: usize, unit: usize) -> impl Iterator<Item = Range<usize>> {
        self.shared.chunks.shares(n, unit, self.n_threads())
    }
}
