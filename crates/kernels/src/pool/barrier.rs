//! A barrier whose members may leave for good, by returning or by a panic.

use super::gate::Gate;
use super::sync::{AtomicBool, AtomicU64, Ordering};
use super::team::Flow;

/// One member, in the upper half of the state; one arrival, in the lower.
const MEMBER: u64 = 1 << 32;
const ARRIVAL: u64 = 1;

/// Where the threads of a run wait for each other.
#[derive(Debug)]
pub(super) struct Barrier {
    /// Members, and how many of them have arrived. One word, so that an arrival and
    /// a departure at the same time agree on who was last.
    state: AtomicU64,
    phase: Gate,
    stop_requested: AtomicBool,
    /// What all members are told. Written by the last to arrive, read by each after
    /// the gate has opened: it cannot be written again before each has arrived again.
    stopped: AtomicBool,
}

impl Barrier {
    pub(super) fn new(may_spin: bool) -> Self {
        Self {
            state: AtomicU64::new(0),
            phase: Gate::new(may_spin),
            stop_requested: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
        }
    }

    /// Begins a run of `n_members`, none of which has arrived yet.
    pub(super) fn reset(&self, n_members: usize) {
        self.stop_requested.store(false, Ordering::Relaxed);
        self.stopped.store(false, Ordering::Relaxed);
        self.state
            .store(n_members as u64 * MEMBER, Ordering::SeqCst);
    }

    pub(super) fn request_stop(&self) {
        self.stop_requested.store(true, Ordering::SeqCst);
    }

    /// Waits for all members. `between` runs once, while all of them stand here.
    pub(super) fn wait(&self, between: impl FnOnce()) -> Flow {
        let phase = self.phase.value();
        let state = self.state.fetch_add(ARRIVAL, Ordering::SeqCst) + ARRIVAL;
        if all_arrived(state) {
            self.open(state, between);
        } else {
            self.phase.wait_while(phase);
        }
        if self.stopped.load(Ordering::SeqCst) {
            Flow::Stop
        } else {
            Flow::Continue
        }
    }

    /// Leaves for good; tells whether this was the last member. If all others stand
    /// at the barrier, this one opens it for them.
    pub(super) fn leave(&self, between: impl FnOnce()) -> bool {
        let state = self.state.fetch_sub(MEMBER, Ordering::SeqCst) - MEMBER;
        if state / MEMBER == 0 {
            return true;
        }
        if all_arrived(state) {
            self.open(state, between);
        }
        false
    }

    /// Only one thread is awake now, so nothing changes under its hands.
    fn open(&self, state: u64, between: impl FnOnce()) {
        if self.stop_requested.load(Ordering::SeqCst) {
            self.stopped.store(true, Ordering::SeqCst);
        }
        between();
        self.state.store(state / MEMBER * MEMBER, Ordering::SeqCst);
        self.phase.advance();
    }
}

fn all_arrived(state: u64) -> bool {
    state / MEMBER == state % MEMBER
}
