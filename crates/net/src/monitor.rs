//! The thread beside a mesh that keeps its peers informed while the rank computes.
//!
//! While a run is active it sends heartbeats and watches for closed connections. Between runs it is
//! parked: an idle rank costs no CPU.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::link::Link;
use crate::shared::Shared;

pub(crate) struct Monitor {
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

struct State {
    shared: Arc<Shared>,
    stopped: Mutex<bool>,
    changed: Condvar,
    wakeups: AtomicU64,
}

impl Monitor {
    pub(crate) fn start(shared: Arc<Shared>) -> io::Result<Self> {
        let state = Arc::new(State {
            shared,
            stopped: Mutex::new(false),
            changed: Condvar::new(),
            wakeups: AtomicU64::new(0),
        });
        let for_thread = state.clone();
        let thread = std::thread::Builder::new()
            .name("dllama-monitor".into())
            .spawn(move || for_thread.run())?;
        Ok(Self {
            state,
            thread: Some(thread),
        })
    }

    /// A run has begun.
    pub(crate) fn wake(&self) {
        // The lock is held between the thread's look at `in_run` and its wait, so that this cannot
        // fall between the two.
        let _stopped = self.state.lock_stopped();
        self.state.changed.notify_one();
    }

    pub(crate) fn wakeups(&self) -> u64 {
        self.state.wakeups.load(Relaxed)
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        *self.state.lock_stopped() = true;
        self.state.changed.notify_one();
        // Closed sockets end its sleep in `poll`.
        self.state
            .shared
            .links()
            .for_each(|link| link.socket.shut_down());
        if let Some(thread) = self.thread.take() {
            // It has no panics to pass on, and the mesh is going away.
            let _ = thread.join();
        }
    }
}

impl State {
    fn lock_stopped(&self) -> std::sync::MutexGuard<'_, bool> {
        self.stopped.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        loop {
            let mut stopped = self.lock_stopped();
            while !*stopped && !self.shared.in_run() {
                stopped = self
                    .changed
                    .wait(stopped)
                    .unwrap_or_else(PoisonError::into_inner);
            }
            let links = self.shared.links();
            let open: Vec<_> = links.filter(|link| !link.hung_up.load(SeqCst)).collect();
            if *stopped || open.is_empty() {
                return;
            }
            drop(stopped);
            self.watch(&open);
            self.wakeups.fetch_add(1, Relaxed);
            if self.shared.in_run() {
                self.shared.links().for_each(Link::heartbeat);
            }
        }
    }

    /// Sleeps until the next heartbeat is due, or less if a peer hangs up.
    fn watch(&self, open: &[&Link]) {
        let interval = self.shared.options.heartbeat;
        let deadline = Instant::now() + interval;
        let mut fds: Vec<_> = open
            .iter()
            .map(|link| PollFd::new(&link.socket, HANGS_UP))
            .collect();
        let timeout = Timespec {
            tv_sec: interval.as_secs() as i64,
            tv_nsec: interval.subsec_nanos().into(),
        };
        if poll(&mut fds, Some(&timeout)).is_err() {
            // Interrupted, or out of memory: try again in time for the next heartbeat.
            std::thread::sleep(deadline.saturating_duration_since(Instant::now()));
        }
        for (link, fd) in open.iter().zip(&fds) {
            if !fd.revents().is_empty() {
                link.hung_up.store(true, SeqCst);
            }
        }
    }
}

/// The end of a connection is reported whatever is asked for; that the peer has only ended its own
/// side, which is how it shows while bytes are unread, must be asked for, and can be on Linux.
#[cfg(target_os = "linux")]
const HANGS_UP: PollFlags = PollFlags::RDHUP;
#[cfg(not(target_os = "linux"))]
const HANGS_UP: PollFlags = PollFlags::empty();
