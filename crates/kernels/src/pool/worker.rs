//! The life of a pool's thread, and the check against a run within a run.

use core::cell::Cell;
use core::ptr;

use super::run::Shared;

thread_local! {
    /// The pool whose job this thread is running, by address.
    static INSIDE: Cell<*const Shared> = const { Cell::new(ptr::null()) };
}

/// Serves one run after the other until the pool is dropped.
pub(super) fn serve(shared: &Shared, thread: usize) {
    INSIDE.set(shared);
    // A thread may come here after the first run has begun, so it counts from 0
    // and not from what it finds.
    let mut seen = 0;
    while shared.next_run(seen) {
        seen = seen.wrapping_add(1);
        shared.take_part(thread);
    }
}

/// Marks the caller of a run as inside it.
pub(super) struct Inside {
    before: *const Shared,
}

impl Inside {
    /// # Panics
    ///
    /// If this thread is inside a run of the same pool, which would wait for itself.
    pub(super) fn enter(shared: &Shared) -> Self {
        let before = INSIDE.get();
        assert!(
            !ptr::eq(before, shared),
            "a job must not run the pool that runs it"
        );
        INSIDE.set(shared);
        Self { before }
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        INSIDE.set(self.before);
    }
}
