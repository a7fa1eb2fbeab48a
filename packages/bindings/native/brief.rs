//! Which forwards are so brief that the JavaScript thread computes them itself.
//!
//! Handing a forward to another thread and its result back wakes two threads: 60 to 250 microseconds,
//! which is more than a whole forward of the smallest models. One that was brief the time before, on one
//! rank alone, is therefore computed where it is asked for. After some milliseconds of forwards in a row
//! the promise of the next is settled from the event loop, which has its turn before: a generation of promises
//! that are settled at once would keep timers, signals and sockets waiting. See `docs/decisions/0024-engine-thread.md`.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// A forward that took less is brief. Half of what these bindings may take without a promise.
const BRIEF: Duration = Duration::from_micros(500);

/// What forwards may take in a row until the event loop has its turn: as V8 takes to collect young garbage.
const IN_A_ROW: Duration = Duration::from_millis(2);

/// How long an engine's forwards of one row take.
pub struct Brief {
    last_ns: AtomicU64,
    /// Since the event loop had its turn.
    in_a_row_ns: AtomicU64,
}

impl Default for Brief {
    fn default() -> Self {
        Self {
            last_ns: AtomicU64::new(u64::MAX),
            in_a_row_ns: AtomicU64::new(0),
        }
    }
}

impl Brief {
    /// Whether the next one is to be computed where it is asked for.
    pub fn stays(&self) -> bool {
        self.last_ns.load(Relaxed) < as_ns(BRIEF)
    }

    /// Whether the event loop is to have its turn now, after which the time counts anew.
    pub fn gives_turn(&self) -> bool {
        let gives_turn = self.in_a_row_ns.load(Relaxed) >= as_ns(IN_A_ROW);
        if gives_turn {
            self.in_a_row_ns.store(0, Relaxed);
        }
        gives_turn
    }

    /// Is told what a forward took.
    pub fn took(&self, time: Duration) {
        self.last_ns.store(as_ns(time), Relaxed);
        self.in_a_row_ns.fetch_add(as_ns(time), Relaxed);
    }
}

fn as_ns(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
