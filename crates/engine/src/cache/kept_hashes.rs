//! The hashes of a model file's units, kept by the file's identity, so that a second start need not read
//! the file through.
//!
//! A file in the cache folder: magic, number of entries, entries of a key and a hash, and last the BLAKE3
//! hash of everything before. One that is damaged, too long or of another version counts as none.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use blake3::Hash;

use super::whole_file::{draft_name, write_whole};
use crate::program::{ValidProgram, Weight};
use crate::weights::{ModelFile, Unit};

const MAGIC: [u8; 8] = *b"dllamaH1";
const KEY_BYTES: usize = 29;
const HASH_BYTES: usize = 32;
const ENTRY_BYTES: usize = KEY_BYTES + HASH_BYTES;
const HEADER_BYTES: usize = MAGIC.len() + 4;
/// As many as all ranks of a session could have of one file, nearly.
const MAX_ENTRIES: usize = 1 << 21;

/// For ends and small tensors.
const LEAST_ENTRIES: usize = 1 << 16;

/// Which part of a file a unit is: offset, type and columns of the tensor, then the rectangle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct UnitKey([u8; KEY_BYTES]);

impl UnitKey {
    pub(crate) fn of(program: &ValidProgram, unit: &Unit) -> Self {
        let Weight {
            float_type, source, ..
        } = unit.weight(program);
        let part = unit.in_tensor(program);
        let mut key = [0; KEY_BYTES];
        key[..8].copy_from_slice(&source.offset.to_le_bytes());
        key[8] = *float_type as u8;
        let numbers = [
            source.cols,
            part.first_row,
            part.n_rows,
            part.first_col,
            part.n_cols,
        ];
        for (place, number) in key[9..].chunks_exact_mut(4).zip(numbers) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        Self(key)
    }
}

/// The hashes that are known of one file. Threads share it.
pub(crate) struct KeptHashes {
    /// Where they are kept; none where nothing is.
    path: Option<PathBuf>,
    max_entries: usize,
    state: Mutex<State>,
}

struct State {
    hashes: HashMap<UnitKey, Hash>,
    /// Whether there are more than the file has.
    is_new: bool,
}

impl KeptHashes {
    /// What is kept of `file` in a cache folder.
    pub(crate) fn of(cache_folder: Option<&Path>, file: &ModelFile) -> Self {
        let path = cache_folder.and_then(|folder| {
            let identity = blake3::hash(&file.identity().ok()?);
            let name = format!("{}.bin", &identity.to_hex()[..32]);
            Some(folder.join("hashes").join(name))
        });
        let kept = path.as_deref().and_then(|path| read(path).ok()).flatten();
        Self {
            path,
            // Units have 64 KiB, but for the ends of tensors and small ones; twice that for another split.
            max_entries: (file.bytes().len() >> 15)
                .saturating_add(LEAST_ENTRIES)
                .min(MAX_ENTRIES),
            state: Mutex::new(State {
                hashes: kept.unwrap_or_default(),
                is_new: false,
            }),
        }
    }

    pub(crate) fn get(&self, key: &UnitKey) -> Option<Hash> {
        self.lock().hashes.get(key).copied()
    }

    /// Beyond what one session could have of the file the others are forgotten: a root may ask for any parts.
    pub(crate) fn insert(&self, key: UnitKey, hash: Hash) {
        let mut state = self.lock();
        if state.hashes.len() >= self.max_entries && !state.hashes.contains_key(&key) {
            state.hashes.clear();
        }
        state.hashes.insert(key, hash);
        state.is_new = true;
    }

    /// Writes down what is new, if `file` is still the one that was hashed. A cache that cannot be written
    /// to costs the next start the hashing.
    pub(crate) fn keep(&self, file: &ModelFile) {
        let state = self.lock();
        let (Some(path), true) = (&self.path, state.is_new) else {
            return;
        };
        if !file.is_unchanged() || state.hashes.len() > MAX_ENTRIES {
            return;
        }
        let _ = write(path, &state.hashes);
    }

    /// Forgets all: a rank got other bytes than these hashes say.
    pub(crate) fn forget(&self) {
        self.lock().hashes.clear();
        if let Some(path) = &self.path {
            let _ = fs::remove_file(path);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(path: &Path) -> io::Result<Option<HashMap<UnitKey, Hash>>> {
    let file = File::open(path)?;
    let found = file.metadata()?;
    let max_bytes = (HEADER_BYTES + MAX_ENTRIES * ENTRY_BYTES + HASH_BYTES) as u64;
    if !found.is_file() || found.len() > max_bytes {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    file.take(max_bytes).read_to_end(&mut bytes)?;
    Ok(decode(&bytes))
}

pub(crate) fn decode(bytes: &[u8]) -> Option<HashMap<UnitKey, Hash>> {
    let (content, checked) = bytes.split_last_chunk::<HASH_BYTES>()?;
    if blake3::hash(content) != *checked {
        return None;
    }
    let (magic, rest) = content.split_first_chunk::<8>()?;
    let (n, entries) = rest.split_first_chunk::<4>()?;
    let n = u32::from_le_bytes(*n) as usize;
    if *magic != MAGIC || n > MAX_ENTRIES || entries.len() != n * ENTRY_BYTES {
        return None;
    }
    let (entries, _) = entries.as_chunks::<ENTRY_BYTES>();
    let entries = entries.iter().map(|entry| {
        let (key, hash) = entry.split_first_chunk::<KEY_BYTES>()?;
        Some((UnitKey(*key), Hash::from_slice(hash).ok()?))
    });
    entries.collect()
}

fn write(path: &Path, hashes: &HashMap<UnitKey, Hash>) -> io::Result<()> {
    let draft = path.with_extension(format!("{}.draft", draft_name()));
    write_whole(path, &draft, |file| file.write_all(&encode(hashes)))
}

pub(crate) fn encode(hashes: &HashMap<UnitKey, Hash>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER_BYTES + hashes.len() * ENTRY_BYTES + HASH_BYTES);
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&(hashes.len() as u32).to_le_bytes());
    for (key, hash) in hashes {
        bytes.extend_from_slice(&key.0);
        bytes.extend_from_slice(hash.as_bytes());
    }
    let checked = blake3::hash(&bytes);
    bytes.extend_from_slice(checked.as_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(n: usize) -> HashMap<UnitKey, Hash> {
        let entry = |n: usize| {
            let mut key = [7; KEY_BYTES];
            key[..8].copy_from_slice(&n.to_le_bytes());
            (UnitKey(key), blake3::hash(&n.to_le_bytes()))
        };
        (0..n).map(entry).collect()
    }

    #[test]
    fn hashes_survive_the_disk_and_damage_does_not() {
        let name = format!("dllama-hashes-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let path = folder.join("kept.bin");
        for n in [0, 1, 100] {
            write(&path, &some(n)).expect("a folder to write to");
            assert_eq!(read(&path).expect("a file"), Some(some(n)));
        }
        let good = fs::read(&path).expect("a file");
        for at in [0, 8, 11, 12, good.len() / 2, good.len() - 1] {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert_eq!(decode(&bad), None, "byte {at}");
        }
        for n_bytes in [0, 1, HASH_BYTES, good.len() - 1] {
            assert_eq!(decode(&good[..n_bytes]), None);
        }
        fs::remove_dir_all(folder).expect("its own folder");
    }

    #[test]
    fn a_number_of_entries_that_is_a_lie_is_refused() {
        for n in [0u32, 2, u32::MAX] {
            let mut bytes = MAGIC.to_vec();
            bytes.extend_from_slice(&n.to_le_bytes());
            bytes.extend_from_slice(&[0; ENTRY_BYTES]);
            let checked = blake3::hash(&bytes);
            bytes.extend_from_slice(checked.as_bytes());
            assert_eq!(decode(&bytes), None, "{n}");
        }
    }
}
