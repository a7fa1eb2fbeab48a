//! A counter that threads wait on: first spinning, then asleep.

use core::hint;
use std::sync::PoisonError;
use std::thread;
use std::time::{Duration, Instant};

use super::sync::{AtomicU32, AtomicUsize, Condvar, Mutex, Ordering, in_one_order};

/// Waiting awake. Waking a sleeper takes 3 to 50 microseconds, so a shorter wait is
/// better spent awake, and a longer one costs at most about twice what it must.
const AWAKE: Duration = Duration::from_micros(20);

/// The same where threads share cores: about a step of decode.
const AWAKE_YIELDING: Duration = Duration::from_micros(200);

/// Looks at the value between two looks at the clock.
const SPINS: u32 = 32;

/// A number that only changes, and those who wait for it to change.
#[derive(Debug)]
pub(super) struct Gate {
    value: AtomicU32,
    n_asleep: AtomicUsize,
    lock: Mutex<()>,
    changed: Condvar,
    /// False where there are more threads than cores: whoever spins then keeps the
    /// core from the one that is waited for.
    may_spin: bool,
}

impl Gate {
    pub(super) fn new(may_spin: bool) -> Self {
        Self {
            value: AtomicU32::new(0),
            n_asleep: AtomicUsize::new(0),
            lock: Mutex::new(()),
            changed: Condvar::new(),
            may_spin,
        }
    }

    pub(super) fn value(&self) -> u32 {
        self.value.load(Ordering::SeqCst)
    }

    /// Opens the gate for all who wait. What this thread wrote before, they see.
    ///
    /// No one is missed: a sleeper counts itself and then looks at the value, this
    /// changes the value and then looks at the count, all in one total order
    /// (`SeqCst`). So either the sleeper sees the new value, or this sees the
    /// sleeper; and then the lock makes sure that it sleeps before it is woken.
    pub(super) fn advance(&self) {
        self.value.fetch_add(1, Ordering::SeqCst);
        in_one_order();
        if self.n_asleep.load(Ordering::SeqCst) > 0 {
            drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner));
            self.changed.notify_all();
        }
    }

    /// Returns once the value is no longer `old`.
    pub(super) fn wait_while(&self, old: u32) {
        // A clock is nothing to model.
        if cfg!(not(loom)) && self.changes_soon(old) {
            return;
        }
        let mut lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        self.n_asleep.fetch_add(1, Ordering::SeqCst);
        in_one_order();
        while self.value() == old {
            lock = self
                .changed
                .wait(lock)
                .unwrap_or_else(PoisonError::into_inner);
        }
        self.n_asleep.fetch_sub(1, Ordering::SeqCst);
    }

    /// Waits awake for a bounded time.
    ///
    /// Where every thread has a core, it never yields its own: under load that hands it to a stranger for
    /// milliseconds, where a sleeper is woken at once. Where they share cores, it yields at each look: the
    /// next to run is likely the one that is waited for, and waking a sleeper for each step made 3
    /// threads on 2 cores 0.71 times as fast as 2, where this makes them 0.9 times as fast.
    fn changes_soon(&self, old: u32) -> bool {
        let start = Instant::now();
        let (awake, looks) = match self.may_spin {
            true => (AWAKE, SPINS),
            false => (AWAKE_YIELDING, 1),
        };
        while start.elapsed() < awake {
            for _ in 0..looks {
                if self.value() != old {
                    return true;
                }
                match self.may_spin {
                    true => hint::spin_loop(),
                    false => thread::yield_now(),
                }
            }
        }
        false
    }
}
