//! The thread beside a mesh that keeps its peers informed while the rank computes.
//!
//! While a run is active on any rank it sends heartbeats, watches for closed connections and closes those of
//! peers that are silent. A rank may be done long before the others, so it goes on until the root, which is
//! the last, says that it rests. Between runs the monitor is parked: an idle rank costs no CPU.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::frame::REST;
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

    /// Begins a run.
    pub(crate) fn begin_run(&self) {
        // The lock is held between the thread's look at `in_run` and its wait, or its word that the root
        // rests, so that this cannot fall between the two.
        let _stopped = self.state.lock_stopped();
        self.state.shared.begin_run();
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
        let mut seen_runs = 0;
        let mut next_beat = Instant::now();
        loop {
            let mut stopped = self.lock_stopped();
            while !*stopped && self.is_idle() {
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
            self.watch(&open, next_beat);
            self.judge(&open);
            if Instant::now() >= next_beat {
                self.beat(&mut seen_runs);
                next_beat = Instant::now() + self.shared.options.heartbeat;
            }
        }
    }

    /// No run is active on any rank.
    fn is_idle(&self) -> bool {
        !self.shared.in_run() && self.shared.root_rests()
    }

    /// Gives a sign of life. A root that has had no run since its last one says that it rests.
    fn beat(&self, seen_runs: &mut u64) {
        self.wakeups.fetch_add(1, Relaxed);
        let n_runs = self.shared.n_runs();
        if self.shared.rank == 0 && n_runs == *seen_runs {
            // With the lock held no run can begin: nothing of the next one overtakes the word.
            let _stopped = self.lock_stopped();
            if !self.shared.in_run() && n_runs == self.shared.n_runs() {
                let told = self.shared.links().filter(|link| !link.heartbeat(REST));
                return self.shared.set_root_rests(told.count() == 0);
            }
        }
        *seen_runs = n_runs;
        self.shared.links().for_each(|link| {
            link.heartbeat(0);
        });
    }

    /// Sleeps until the next heartbeat is due or a peer will have been silent for too long, or less if one
    /// hangs up.
    fn watch(&self, open: &[&Link], next_beat: Instant) {
        let now = Instant::now();
        let owing = open.iter().filter(|link| self.shared.owes_life(link));
        let late = owing.map(|link| self.shared.silent_at(link));
        // One that is late already, but may have no room to send, is looked at again with the next heartbeat.
        let late = late.filter(|&late| late > now).min();
        let wake = late.map_or(next_beat, |late| late.min(next_beat));
        let mut fds: Vec<_> = open
            .iter()
            .map(|link| PollFd::new(&link.socket, HANGS_UP))
            .collect();
        let time = wake.saturating_duration_since(now);
        let timeout = Timespec {
            tv_sec: time.as_secs() as i64,
            tv_nsec: time.subsec_nanos().into(),
        };
        if poll(&mut fds, Some(&timeout)).is_err() {
            // Interrupted, or out of memory: try again in time for the next heartbeat.
            std::thread::sleep(wake.saturating_duration_since(Instant::now()));
        }
        for (link, fd) in open.iter().zip(&fds) {
            if !fd.revents().is_empty() {
                link.hung_up.store(true, SeqCst);
            }
        }
    }

    /// Closes the connections of peers that owe a sign of life and have given none for too long: this wakes
    /// whoever waits for them. What has come is read first.
    fn judge(&self, open: &[&Link]) {
        for link in open {
            match link.hears_all() {
                Err(_) => {
                    link.hung_up.store(true, SeqCst);
                    // Nobody watches it from now on: whoever waits for it is to see its end.
                    link.socket.shut_down();
                }
                Ok(hears_all) => {
                    if hears_all && self.is_silent(link) {
                        link.silent.store(true, SeqCst);
                        link.hung_up.store(true, SeqCst);
                        link.socket.shut_down();
                    }
                }
            }
        }
    }

    /// Whether a peer owes a sign of life and has given none for too long.
    fn is_silent(&self, link: &Link) -> bool {
        let is_late =
            || self.shared.owes_life(link) && self.shared.silent_at(link) <= Instant::now();
        is_late() && {
            // A thread may have read the first bytes after a long time, and not said so yet.
            std::thread::sleep(SECOND_LOOK);
            is_late()
        }
    }
}

/// How long the monitor gives another thread to say that bytes have come.
const SECOND_LOOK: Duration = Duration::from_millis(10);

/// The end of a connection is reported whatever is asked for; that the peer has only ended its own
/// side, which is how it shows while bytes are unread, must be asked for, and can be on Linux.
#[cfg(target_os = "linux")]
const HANGS_UP: PollFlags = PollFlags::RDHUP;
#[cfg(not(target_os = "linux"))]
const HANGS_UP: PollFlags = PollFlags::empty();
