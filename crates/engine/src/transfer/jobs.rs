//! What threads do beside the one that receives: read units into their places, and hash them there.

use std::io::IoSliceMut;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::Duration;

use blake3::Hash;

use super::filling::Filling;
use super::tally::Source;
use crate::error::Error;
use crate::weights::{Unit, hash_of};

/// Something to do with a unit of this index and hash.
#[derive(Clone, Copy)]
pub(super) struct Job {
    pub(super) unit: usize,
    pub(super) hash: Hash,
    /// Where its bytes come from; `Missing` for those that have been received and `Held` for none.
    pub(super) source: Source,
}

/// A job that is done, and whether the bytes have the hash.
pub(super) type Done = (Job, bool);

impl Filling<'_> {
    /// Does a job. Returns whether the unit's bytes have its hash.
    pub(super) fn work(&self, job: &Job) -> bool {
        let unit = &self.units[job.unit];
        let is_there = match job.source {
            Source::Missing | Source::Held => true,
            _ if self.is_given_up.load(Relaxed) => return false,
            Source::Cached => self.stock.cache.is_some_and(|cache| {
                // SAFETY: the job is this thread's alone.
                let pieces = unsafe { self.pieces_mut(unit) }.into_iter();
                let pieces = pieces.map(IoSliceMut::new).collect();
                cache.read(&job.hash, pieces).is_ok()
            }),
            Source::Local => self.stock.local.is_some_and(|local| {
                let part = unit.in_file(self.program);
                // SAFETY: the job is this thread's alone.
                copy(local.file.pieces(&part), unsafe { self.pieces_mut(unit) });
                true
            }),
        };
        let place = self.weights.own_place(self.program, unit);
        // SAFETY: the job is this thread's alone, and it has done with writing.
        let bytes = place
            .spans()
            .map(|span| unsafe { self.weights.own_bytes(span) });
        let is_good = is_there && hash_of(bytes) == job.hash;
        if let (false, Source::Cached, Some(cache)) = (is_good, job.source, self.stock.cache) {
            cache.remove(&job.hash);
        }
        is_good
    }

    /// The bytes of a unit or a run of units, to write.
    ///
    /// # Safety
    ///
    /// They are this thread's alone while the references live.
    #[expect(
        clippy::mut_from_ref,
        reason = "threads fill disjoint parts, as the contract says"
    )]
    pub(super) unsafe fn pieces_mut(&self, unit: &Unit) -> Vec<&mut [u8]> {
        let place = self.weights.own_place(self.program, unit);
        let pieces = place.spans().map(|span| {
            // SAFETY: by the caller's promise; spans do not overlap.
            unsafe { self.weights.own_bytes_mut(span) }
        });
        pieces.collect()
    }
}

/// The threads, and what they have been given.
pub(super) struct Work<'scope> {
    threads: Vec<ScopedJoinHandle<'scope, ()>>,
    jobs: mpsc::Sender<Job>,
    results: mpsc::Receiver<Done>,
    /// Jobs without a result.
    n_open: usize,
    /// Bytes in place that were not sent.
    pub(super) ready_bytes: u64,
    /// Units that were not what their hash says where they were read from.
    pub(super) damaged: Vec<usize>,
}

impl<'scope> Work<'scope> {
    /// Threads that do jobs as long as there may be more. `work` says whether the bytes have the hash.
    pub(super) fn start(
        scope: &'scope Scope<'scope, '_>,
        n_threads: usize,
        work: impl Fn(&Job) -> bool + Copy + Send + 'scope,
    ) -> Self {
        let (jobs, queue) = mpsc::channel();
        let (done, results) = mpsc::channel();
        let queue = Arc::new(Mutex::new(queue));
        let threads = std::iter::repeat_with(|| {
            let (queue, done) = (queue.clone(), done.clone());
            scope.spawn(move || {
                loop {
                    let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok(job) = job else { return };
                    let is_good = work(&job);
                    // Nobody listens any more where the transfer has failed.
                    let _ = done.send((job, is_good));
                }
            })
        });
        Self {
            threads: threads.take(n_threads).collect(),
            jobs,
            results,
            n_open: 0,
            ready_bytes: 0,
            damaged: vec![],
        }
    }

    /// # Errors
    ///
    /// [`Error::System`] when all threads have ended, which only a panic makes them do.
    pub(super) fn give(&mut self, job: Job) -> Result<(), Error> {
        self.n_open += 1;
        self.jobs.send(job).map_err(|_| ended())
    }

    pub(super) fn is_under_way(&self) -> bool {
        self.n_open > 0
    }

    /// A result, if there is one now.
    pub(super) fn result(&mut self) -> Option<Done> {
        let done = self.results.try_recv().ok()?;
        self.n_open -= 1;
        Some(done)
    }

    /// The next result, if it comes in time.
    ///
    /// # Errors
    ///
    /// [`Error::System`] if a thread has ended before its time.
    pub(super) fn result_within(&mut self, time: Duration) -> Result<Option<Done>, Error> {
        match self.results.recv_timeout(time) {
            Ok(done) => {
                self.n_open -= 1;
                Ok(Some(done))
            }
            Err(RecvTimeoutError::Timeout)
                if !self.threads.iter().any(ScopedJoinHandle::is_finished) =>
            {
                Ok(None)
            }
            Err(_) => Err(ended()),
        }
    }

    /// The results of all jobs that are still under way, when no more are given.
    pub(super) fn end(self) -> impl Iterator<Item = Done> {
        drop(self.jobs);
        self.results.into_iter()
    }
}

/// Copies as many bytes as both have, wherever either is cut.
fn copy<'a>(from: impl Iterator<Item = &'a [u8]>, into: Vec<&mut [u8]>) {
    let mut into = into.into_iter();
    let mut place: &mut [u8] = &mut [];
    for mut piece in from {
        while !piece.is_empty() {
            if place.is_empty() {
                match into.next() {
                    Some(next) => place = next,
                    None => return,
                }
            }
            let n_bytes = piece.len().min(place.len());
            let (now, later) = place.split_at_mut(n_bytes);
            now.copy_from_slice(&piece[..n_bytes]);
            (piece, place) = (&piece[n_bytes..], later);
        }
    }
}

fn ended() -> Error {
    Error::System(std::io::Error::other("a thread that loads has ended"))
}
