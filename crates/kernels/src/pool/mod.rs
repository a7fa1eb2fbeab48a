//! The pool of threads that walks a forward's steps together.
//!
//! All threads run the same closure, with a barrier between its steps; rows are
//! handed out in shares between two barriers, so that a slow core does not hold the
//! others. Whoever waits spins for some microseconds, then sleeps: a step of decode
//! is shorter than waking a thread, and an idle pool costs no processor time.

mod barrier;
mod chunks;
mod gate;
#[cfg(all(test, loom))]
mod model;
mod run;
mod sync;
mod team;
mod worker;

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use run::Shared;
pub use team::{Flow, Team};

/// A persistent team of threads, of which the caller of [`run`](Pool::run) is the first.
///
/// Dropping the pool ends its threads and waits for them.
#[derive(Debug)]
pub struct Pool {
    shared: Arc<Shared>,
    /// Threads 1 and up.
    workers: Vec<JoinHandle<()>>,
    /// Held for the length of a run: several callers take turns.
    turn: Mutex<()>,
}

impl Pool {
    /// Starts `n_threads - 1` threads, which sleep until the first run.
    ///
    /// # Errors
    ///
    /// If `n_threads` is 0, or the system refuses a thread.
    pub fn new(n_threads: usize) -> io::Result<Pool> {
        if n_threads == 0 {
            let message = "a pool has at least one thread, got 0";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let mut pool = Pool {
            shared: Arc::new(Shared::new(n_threads)),
            workers: Vec::with_capacity(n_threads - 1),
            turn: Mutex::new(()),
        };
        for index in 1..n_threads {
            let shared = Arc::clone(&pool.shared);
            let builder = thread::Builder::new().name(format!("dllama-{index}"));
            // An error drops `pool`, which ends the threads there are.
            pool.workers
                .push(builder.spawn(move || worker::serve(&shared, index))?);
        }
        Ok(pool)
    }

    /// Threads of the pool, the caller's included.
    pub fn n_threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// Runs `job` on every thread at once and returns when all have returned.
    ///
    /// A thread that returns early is no longer waited for at barriers.
    ///
    /// # Panics
    ///
    /// Resumes the first panic of `job` on any thread, after the others have been
    /// stopped at their next barrier. Panics if `job` itself runs this pool.
    pub fn run(&self, job: impl Fn(&Team) + Sync) {
        // A panic of an earlier run left nothing half done: it ended all threads' parts.
        let inside = worker::Inside::enter(&self.shared);
        let turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let panic = self.shared.run(&job);
        drop(turn);
        drop(inside);
        if let Some(panic) = panic {
            std::panic::resume_unwind(panic);
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.shut_down();
        for worker in self.workers.drain(..) {
            // A worker catches the panics of jobs, and has none of its own to tell of.
            let _ = worker.join();
        }
    }
}
