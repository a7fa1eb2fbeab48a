//! What the pool's protocol is made of: the standard library's, or loom's, which tries all orders in which threads
//! can run and all values that a load can give.

#[cfg(not(loom))]
pub(super) use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
#[cfg(loom)]
pub(super) use loom::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
#[cfg(loom)]
pub(super) use loom::sync::{Condvar, Mutex};
#[cfg(not(loom))]
pub(super) use std::sync::{Condvar, Mutex};

/// Between a write and a read of something else, both `SeqCst`, which no other thread may see in another
/// order. Loom knows that order of fences alone.
#[inline(always)]
pub(super) fn in_one_order() {
    #[cfg(loom)]
    loom::sync::atomic::fence(Ordering::SeqCst);
}
