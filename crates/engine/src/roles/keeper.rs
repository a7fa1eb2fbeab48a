//! What a worker keeps between sessions: weights in memory for a while after a session that was lost,
//! and what its cache and its own model file have.

use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use crate::cache::{CacheWriter, UnitStore, trim};
use crate::error::Error;
use crate::program::ValidProgram;
use crate::transfer::{Holdings, LocalModel, Stock};

/// How long weights stay in memory when their root is lost: it tries again for a minute by itself, and a
/// person who has tripped over a cable needs a few.
const HELD_FOR: Duration = Duration::from_secs(600);

/// Where a worker may find weights by itself, and leave them.
#[derive(Debug, Clone, Default)]
pub struct Storage {
    /// A folder for units of weights and hashes of the model file; none keeps nothing on disk.
    pub cache_folder: Option<PathBuf>,
    /// Bytes of the units in it at most. Defaults to 32 GiB, at most half of the disk's free space.
    pub max_cache_bytes: Option<u64>,
    /// This worker's own copy of the model file.
    pub model: Option<PathBuf>,
}

/// Told what keeps the cache from being written.
type OnFailure = dyn Fn(String) + Send + Sync;

pub(crate) struct Keeper {
    store: Option<UnitStore>,
    max_cache_bytes: Option<u64>,
    local: Option<LocalModel>,
    on_failure: Arc<OnFailure>,
    writing: Mutex<Option<Writing>>,
    held: Arc<Held>,
}

/// A session's weights on their way to the cache. With the thread they go, if nobody else has them.
struct Writing {
    _thread: CacheWriter,
    holdings: Weak<Holdings>,
}

/// Weights of a session that was lost, until they are wanted or their time is over.
#[derive(Default)]
struct Held {
    place: Mutex<Option<(Arc<Holdings>, Instant)>>,
    changed: Condvar,
}

impl Keeper {
    /// # Errors
    ///
    /// [`Error::File`] for a model file that cannot be read.
    pub(crate) fn new(
        storage: Storage,
        on_failure: impl Fn(String) + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        let Storage {
            cache_folder,
            max_cache_bytes,
            model,
        } = storage;
        let local = match model {
            Some(path) => Some(LocalModel::open(&path, cache_folder.as_deref())?),
            None => None,
        };
        let store = cache_folder.as_deref().map(UnitStore::within);
        if let Some(store) = store.clone() {
            // Beside the start, because a slow card takes its time; without a thread the next session does it.
            let thread = std::thread::Builder::new().name("dllama-trim".into());
            let _ = thread.spawn(move || trim(&store, max_cache_bytes));
        }
        Ok(Self {
            store,
            max_cache_bytes,
            local,
            on_failure: Arc::new(on_failure),
            writing: Mutex::default(),
            held: Arc::default(),
        })
    }

    /// Where a session may find its weights.
    pub(crate) fn stock(&self) -> Stock<'_> {
        Stock {
            cache: self.store.as_ref(),
            local: self.local.as_ref(),
        }
    }

    /// The weights of the session before, if they are still in memory and fit `program`. Others are
    /// given back to the system.
    pub(crate) fn take(&self, program: &ValidProgram) -> Option<Holdings> {
        let writing = self.writing().take();
        let written = writing.and_then(|writing| {
            let holdings = writing.holdings.upgrade();
            // Ends the thread, which has them, too.
            drop(writing);
            holdings
        });
        let held = self.held.take();
        // After a lost session both are the same.
        let holdings = match (written, held) {
            (Some(holdings), _) | (None, Some(holdings)) => holdings,
            (None, None) => return None,
        };
        let fits = holdings.fit(program);
        Arc::into_inner(holdings).filter(|_| fits)
    }

    /// Bytes of memory that [`take`](Self::take) gives back or hands over.
    pub(crate) fn kept_bytes(&self) -> u64 {
        let writing = self.writing();
        let written = writing.as_ref().and_then(|it| it.holdings.upgrade());
        let held = || self.held.lock().as_ref().map(|(held, _)| Arc::clone(held));
        written.or_else(held).map_or(0, |kept| kept.own_bytes())
    }

    /// Has weights that are loaded written to the cache, beside the session.
    pub(crate) fn write(&self, holdings: &Arc<Holdings>) {
        if let Some(local) = &self.local {
            local.keep_hashes();
        }
        let Some(store) = self.store.clone() else {
            return;
        };
        let on_failure = Arc::clone(&self.on_failure);
        let started = CacheWriter::start(
            store,
            self.max_cache_bytes,
            Arc::clone(holdings) as _,
            move |error| on_failure(format!("the cache cannot be written to: {error}")),
        );
        *self.writing() = started.ok().map(|thread| Writing {
            _thread: thread,
            holdings: Arc::downgrade(holdings),
        });
    }

    /// Keeps the weights of a lost session for a while.
    pub(crate) fn hold(&self, holdings: Arc<Holdings>) {
        self.held.hold(holdings, HELD_FOR);
    }

    fn writing(&self) -> MutexGuard<'_, Option<Writing>> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.held.take();
    }
}

impl Held {
    fn take(&self) -> Option<Arc<Holdings>> {
        let (holdings, _) = self.lock().take()?;
        // Ends the thread that waits for their time to be over.
        self.changed.notify_all();
        Some(holdings)
    }

    fn hold(self: &Arc<Self>, holdings: Arc<Holdings>, time: Duration) {
        let until = Instant::now() + time;
        *self.lock() = Some((holdings, until));
        self.changed.notify_all();
        let held = Arc::clone(self);
        let thread = std::thread::Builder::new().name("dllama-hold".into());
        if thread.spawn(move || held.let_go(until)).is_err() {
            // Nobody would give them back.
            self.take();
        }
    }

    /// Gives back what is held until `until`, then.
    fn let_go(&self, until: Instant) {
        let mut place = self.lock();
        while place.as_ref().is_some_and(|(_, end)| *end == until) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                *place = None;
                return;
            }
            let waited = self.changed.wait_timeout(place, left);
            place = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<(Arc<Holdings>, Instant)>> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
