//! Room in a folder of units: what was used last longest ago goes first.

use std::collections::HashSet;
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use blake3::Hash;

use super::unit_store::{DRAFTS, UnitStore};

/// A cache that nobody has limited takes so much at most, and half of what the disk has free.
const DEFAULT_MAX_BYTES: u64 = 32 << 30;
/// Entries that are looked at. A folder with more was not filled by this program alone.
const MAX_ENTRIES: usize = 1 << 20;
/// A draft that is so old belongs to no process that still writes.
const DRAFT_AGE: Duration = Duration::from_secs(3600);

/// Holds a store to its limit, which may be lower than when it was filled.
pub(crate) fn trim(store: &UnitStore, max_bytes: Option<u64>) {
    Room::of(store, max_bytes).make(0, &HashSet::new());
}

/// What a store holds, as it was found; others may change it meanwhile.
pub(super) struct Room {
    /// By last use, the latest first.
    entries: Vec<Entry>,
    total_bytes: u64,
    max_bytes: u64,
}

struct Entry {
    used: SystemTime,
    hash: Hash,
    path: PathBuf,
    n_bytes: u64,
}

impl Room {
    /// Looks at what is there. `max_bytes` defaults to [`DEFAULT_MAX_BYTES`] or half of the free disk.
    pub(super) fn of(store: &UnitStore, max_bytes: Option<u64>) -> Self {
        let mut entries = Vec::new();
        for folder in fs::read_dir(store.folder()).into_iter().flatten().flatten() {
            if folder.file_name() == DRAFTS {
                remove_old(&folder.path());
            } else if entries.len() < MAX_ENTRIES {
                let found = fs::read_dir(folder.path()).into_iter().flatten().flatten();
                entries.extend(found.filter_map(|entry| Entry::of(entry.path())));
            }
        }
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.used));
        let total_bytes = entries.iter().map(|entry| entry.n_bytes).sum();
        let max_bytes = max_bytes.unwrap_or_else(|| {
            let free = free_bytes(store.folder()).unwrap_or(u64::MAX);
            DEFAULT_MAX_BYTES.min(free.saturating_add(total_bytes) / 2)
        });
        Self {
            entries,
            total_bytes,
            max_bytes,
        }
    }

    /// Makes room for `n_bytes` by deleting what was used longest ago and is not among `wanted`. Returns
    /// whether there is room.
    pub(super) fn make(&mut self, n_bytes: u64, wanted: &HashSet<Hash>) -> bool {
        while self.total_bytes.saturating_add(n_bytes) > self.max_bytes {
            let Some(oldest) = self.entries.pop() else {
                return false;
            };
            if wanted.contains(&oldest.hash) || !oldest.is_unused_since() {
                // It stays, and counts.
                continue;
            }
            if fs::remove_file(&oldest.path).is_ok() {
                self.total_bytes -= oldest.n_bytes;
            }
        }
        true
    }

    /// Counts an entry that has been written.
    pub(super) fn add(&mut self, n_bytes: u64) {
        self.total_bytes += n_bytes;
    }
}

impl Entry {
    /// `None` for what is not an entry of ours.
    fn of(path: PathBuf) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        let hash = Hash::from_hex(name).ok()?;
        let found = fs::symlink_metadata(&path).ok()?;
        found.is_file().then(|| Self {
            used: used(&found),
            hash,
            n_bytes: found.len(),
            path,
        })
    }

    /// Whether no other worker has used it since it was looked at.
    fn is_unused_since(&self) -> bool {
        fs::symlink_metadata(&self.path).is_ok_and(|found| used(&found) == self.used)
    }
}

fn used(found: &Metadata) -> SystemTime {
    found.modified().unwrap_or(SystemTime::UNIX_EPOCH)
}

fn remove_old(drafts: &Path) {
    for draft in fs::read_dir(drafts).into_iter().flatten().flatten() {
        let age = draft
            .metadata()
            .ok()
            .and_then(|found| used(&found).elapsed().ok());
        if age.is_some_and(|age| age > DRAFT_AGE) {
            let _ = fs::remove_file(draft.path());
        }
    }
}

/// What the disk of a folder, or of the nearest one above that exists, gives a user.
fn free_bytes(folder: &Path) -> Option<u64> {
    let found = folder
        .ancestors()
        .find_map(|folder| rustix::fs::statvfs(folder).ok())?;
    found.f_bavail.checked_mul(found.f_frsize)
}
