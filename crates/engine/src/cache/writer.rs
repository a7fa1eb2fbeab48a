//! Writes a worker's units to its cache, in a thread beside: weights that are loaded are computed with at
//! once, and a slow card takes its time.

use std::collections::HashSet;
use std::io::{self, IoSlice};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{self, JoinHandle};

use blake3::Hash;

use super::eviction::Room;
use super::unit_store::UnitStore;

/// Units in memory that stays as it is.
pub(crate) trait ToKeep: Send + Sync + 'static {
    /// The hash of each unit that is to be kept, with its index and size.
    fn units(&self) -> Vec<(usize, Hash, usize)>;
    /// The bytes of a unit.
    fn pieces(&self, unit: usize) -> Vec<IoSlice<'_>>;
}

/// Another worker may write to the same folder: after so many bytes it is looked at anew.
const LOOK_AGAIN_BYTES: u64 = 512 << 20;

/// The thread that writes one session's units. Dropping it ends it, after the unit that it is at.
pub(crate) struct CacheWriter {
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl CacheWriter {
    /// Begins to write. `failed` is told once what keeps units from being written.
    ///
    /// # Errors
    ///
    /// The system's, without a thread.
    pub(crate) fn start(
        store: UnitStore,
        max_bytes: Option<u64>,
        kept: Arc<dyn ToKeep>,
        failed: impl FnOnce(io::Error) + Send + 'static,
    ) -> io::Result<Self> {
        let stopped = Arc::new(AtomicBool::new(false));
        let is_stopped = Arc::clone(&stopped);
        let thread = thread::Builder::new()
            .name("dllama-cache".into())
            .spawn(move || {
                if let Err(error) = write(&store, max_bytes, &*kept, &is_stopped) {
                    failed(error);
                }
            })?;
        Ok(Self {
            stopped,
            thread: Some(thread),
        })
    }
}

impl Drop for CacheWriter {
    fn drop(&mut self) {
        self.stopped.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic there has cost the cache alone.
            let _ = thread.join();
        }
    }
}

fn write(
    store: &UnitStore,
    max_bytes: Option<u64>,
    kept: &dyn ToKeep,
    stopped: &AtomicBool,
) -> io::Result<()> {
    let units = kept.units();
    // What this session uses is not deleted for other parts of the same: the next start finds what fits.
    let wanted: HashSet<Hash> = units.iter().map(|&(_, hash, _)| hash).collect();
    let mut room = Room::of(store, max_bytes);
    // A limit that has become lower holds even when there is nothing to write.
    room.make(0, &wanted);
    let mut n_written = 0;
    for (index, hash, n_bytes) in units {
        if stopped.load(Relaxed) {
            break;
        }
        if store.has(&hash, n_bytes) {
            store.mark_used(&hash);
            continue;
        }
        if n_written >= LOOK_AGAIN_BYTES {
            (room, n_written) = (Room::of(store, max_bytes), 0);
        }
        if !room.make(n_bytes as u64, &wanted) {
            break;
        }
        store.write(&hash, kept.pieces(index))?;
        room.add(n_bytes as u64);
        n_written += n_bytes as u64;
    }
    Ok(())
}
