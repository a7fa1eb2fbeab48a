//! One run: how a job gets to the threads, and how its end gets back.

use core::any::Any;
use core::cell::UnsafeCell;
use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::barrier::Barrier;
use super::chunks::Dispenser;
use super::gate::Gate;
use super::team::Team;

/// What a panic carries.
type Panic = Box<dyn Any + Send>;

/// A job without its lifetime, which [`Shared::run`] stands for.
type Job = *const (dyn Fn(&Team) + Sync);

/// What the threads of a pool share.
pub(super) struct Shared {
    pub(super) n_threads: usize,
    pub(super) barrier: Barrier,
    pub(super) chunks: Dispenser,
    /// Opens at the beginning of each run, and to shut down.
    start: Gate,
    /// Opens when the last thread has left a run.
    end: Gate,
    shutting_down: AtomicBool,
    /// Written by thread 0 before `start` opens, when all others wait there; read by
    /// them after.
    job: UnsafeCell<Option<Job>>,
    /// The first of the current run.
    panic: Mutex<Option<Panic>>,
}

// SAFETY: all fields but `job` are Sync. `job` is written while no other thread
// reads it, as its comment says, and points to a closure that is Sync.
unsafe impl Sync for Shared {}
// SAFETY: nothing in it belongs to the thread that made it; the job pointer is read
// only during the run that set it.
unsafe impl Send for Shared {}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("n_threads", &self.n_threads)
            .finish_non_exhaustive()
    }
}

impl Shared {
    pub(super) fn new(n_threads: usize) -> Self {
        let may_spin = thread::available_parallelism().is_ok_and(|cores| n_threads <= cores.get());
        Self {
            n_threads,
            barrier: Barrier::new(may_spin),
            chunks: Dispenser::new(),
            start: Gate::new(may_spin),
            end: Gate::new(may_spin),
            shutting_down: AtomicBool::new(false),
            job: UnsafeCell::new(None),
            panic: Mutex::new(None),
        }
    }

    /// Runs `job` on all threads, this one as thread 0, and returns the first panic.
    /// One run at a time: the pool's turn is the caller's.
    pub(super) fn run(&self, job: &(dyn Fn(&Team) + Sync)) -> Option<Panic> {
        self.barrier.reset(self.n_threads);
        self.chunks.reset();
        // SAFETY: only the lifetime changes. The pointer is used between here and the
        // opening of `end`, which this function waits for, since nothing on the way
        // there panics: `job` outlives its use.
        let job: Job = unsafe { core::mem::transmute::<&(dyn Fn(&Team) + Sync), Job>(job) };
        // SAFETY: every other thread waits at `start`, or has left the last run and is
        // on its way there without reading the job.
        unsafe { *self.job.get() = Some(job) };
        let end = self.end.value();
        self.start.advance();
        self.take_part(0);
        self.end.wait_while(end);
        self.first_panic().take()
    }

    /// One thread's part of the current run.
    pub(super) fn take_part(&self, thread: usize) {
        // SAFETY: written before `start` opened, and not again before all have left.
        let job = unsafe { *self.job.get() };
        if let Some(job) = job {
            // SAFETY: `run` keeps the job alive until this thread has left.
            let job = unsafe { &*job };
            let part = AssertUnwindSafe(|| job(&Team::new(self, thread)));
            if let Err(panic) = panic::catch_unwind(part) {
                self.keep_first(panic);
                self.barrier.request_stop();
            }
        }
        if self.barrier.leave(|| self.chunks.reset()) {
            self.end.advance();
        }
    }

    /// Later ones are forgotten, not dropped: what they carry may panic when it is dropped, and so end this thread's
    /// part with the others still in the job.
    fn keep_first(&self, panic: Panic) {
        let mut first = self.first_panic();
        match *first {
            Some(_) => core::mem::forget(panic),
            None => *first = Some(panic),
        }
    }

    fn first_panic(&self) -> std::sync::MutexGuard<'_, Option<Panic>> {
        self.panic.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the run after the `seen`th; false to end.
    pub(super) fn next_run(&self, seen: u32) -> bool {
        self.start.wait_while(seen);
        !self.shutting_down.load(Ordering::SeqCst)
    }

    pub(super) fn shut_down(&self) {
        self.shutting_down.store(true, Ordering::SeqCst);
        self.start.advance();
    }
}
