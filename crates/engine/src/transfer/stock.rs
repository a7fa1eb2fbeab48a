//! Where a worker looks for units before it has them sent.

use std::path::Path;
use std::sync::Arc;

use blake3::Hash;

use super::tally::Source;
use crate::cache::{KeptHashes, UnitKey, UnitStore};
use crate::error::Error;
use crate::memory::place;
use crate::program::{ValidProgram, Weight};
use crate::weights::{ModelFile, Unit, has_whole_rows, hash_of, n_bytes};

/// A worker's own copy of a model file. It may be of another model: hashes decide.
pub(crate) struct LocalModel {
    pub(crate) file: Arc<ModelFile>,
    kept: KeptHashes,
}

impl LocalModel {
    /// Opens it; hashes of its units are kept in `cache_folder`.
    ///
    /// # Errors
    ///
    /// [`Error::File`].
    pub(crate) fn open(path: &Path, cache_folder: Option<&Path>) -> Result<Self, Error> {
        let file = ModelFile::open(path)?;
        Ok(Self {
            kept: KeptHashes::of(cache_folder, &file),
            file: Arc::new(file),
        })
    }

    /// Whether it has bytes where the Program says that this weight is. Of a file that has changed since it
    /// was opened nothing that is known holds.
    fn may_have(&self, weight: &Weight) -> bool {
        self.file.check(weight).is_ok() && self.file.is_unchanged()
    }

    /// Whether a weight could be used where it lies in the file.
    pub(crate) fn may_hold(&self, weight: &Weight) -> bool {
        has_whole_rows(weight) && self.may_have(weight)
    }

    fn has(&self, program: &ValidProgram, unit: &Unit, hash: &Hash) -> bool {
        if !self.may_have(unit.weight(program)) {
            return false;
        }
        let key = UnitKey::of(program, unit);
        let found = self.kept.get(&key).unwrap_or_else(|| {
            let found = hash_of(self.file.pieces(&unit.in_file(program)));
            self.kept.insert(key, found);
            found
        });
        found == *hash
    }

    /// Writes down the hashes that are new.
    pub(crate) fn keep_hashes(&self) {
        self.kept.keep(&self.file);
    }
}

/// What one session can draw on.
#[derive(Clone, Copy)]
pub(crate) struct Stock<'a> {
    pub(crate) cache: Option<&'a UnitStore>,
    pub(crate) local: Option<&'a LocalModel>,
}

impl Stock<'_> {
    /// Bytes of a Program's weights that need memory of their own, if the local file is what it seems.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`].
    pub(crate) fn own_bytes(&self, program: &ValidProgram) -> Result<usize, Error> {
        let in_file = |weight: &&Weight| !self.local.is_some_and(|local| local.may_hold(weight));
        let mut weights = program.weights.iter().filter(in_file);
        let mut end = 0;
        let placed = weights.try_for_each(|weight| place(&mut end, n_bytes(weight)?).map(|_| ()));
        placed.map(|()| end).ok_or(Error::TooLarge)
    }

    /// Where each of some units is, by several threads: hashing a local file takes longer than a network
    /// takes to ask for it.
    pub(super) fn find(
        &self,
        program: &ValidProgram,
        units: &[Unit],
        hashes: &[Hash],
        n_threads: usize,
    ) -> Vec<Source> {
        let find = |(unit, hash): (&Unit, &Hash)| {
            if self
                .local
                .is_some_and(|local| local.has(program, unit, hash))
            {
                return Source::Local;
            }
            let n_bytes = unit.n_bytes(program);
            match self.cache.is_some_and(|cache| cache.has(hash, n_bytes)) {
                true => Source::Cached,
                false => Source::Missing,
            }
        };
        if self.local.is_none() {
            return units.iter().zip(hashes).map(find).collect();
        }
        let share = units.len().div_ceil(n_threads).max(1);
        std::thread::scope(|scope| {
            let shares = units.chunks(share).zip(hashes.chunks(share));
            let threads: Vec<_> = shares
                .map(|(units, hashes)| {
                    let find = &find;
                    scope.spawn(move || units.iter().zip(hashes).map(find).collect::<Vec<_>>())
                })
                .collect();
            let found = threads.into_iter().map(|thread| match thread.join() {
                Ok(found) => found,
                Err(panic) => std::panic::resume_unwind(panic),
            });
            found.flatten().collect()
        })
    }
}
