//! A folder that a worker keeps units of weights in, and what lies in it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use dllama_engine::Storage;

/// Far above what writing a few MiB takes, for a machine that is busy.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A folder, removed when it is dropped.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let name = format!("dllama-weights-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("a temporary folder");
        Self(path)
    }

    /// The entries of the cache, by name.
    pub fn units(&self) -> BTreeMap<String, PathBuf> {
        let folders = fs::read_dir(self.0.join("weights")).into_iter().flatten();
        let folders = folders.flatten().map(|folder| folder.path());
        let files = folders.flat_map(|folder| fs::read_dir(folder).into_iter().flatten());
        let files = files.flatten().map(|file| file.path());
        files
            .filter(|path| name_of(path).len() == 64)
            .map(|path| (name_of(&path), path))
            .collect()
    }

    pub fn n_bytes(&self) -> u64 {
        let units = self.units();
        let sizes = units.values().map(fs::symlink_metadata);
        sizes.flatten().map(|found| found.len()).sum()
    }

    /// Waits until the cache has so many bytes: it is written beside the session.
    pub fn wait_for(&self, n_bytes: u64) {
        let start = Instant::now();
        while self.n_bytes() != n_bytes {
            let now = self.n_bytes();
            assert!(start.elapsed() < PATIENCE, "{now} of {n_bytes} bytes");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub fn name_of(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy());
    name.unwrap_or_default().into_owned()
}

pub fn cached_in(folder: &Folder) -> Storage {
    Storage {
        cache_folder: Some(folder.0.clone()),
        ..Storage::default()
    }
}
