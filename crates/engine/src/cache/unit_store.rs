//! Units of weights on disk, each a file named after the hash of its content (decision 0021).
//!
//! Several workers of one machine may share the folder: entries appear whole, by a rename, and one that
//! vanishes is one that is not there. What the folder holds is hostile: an entry counts only when it is a
//! plain file of the right length whose content has the hash of its name.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use blake3::Hash;
use rustix::fs::OFlags;

use super::whole_file::{draft_name, write_whole};

/// A folder of entries. It need not exist yet.
#[derive(Debug, Clone)]
pub(crate) struct UnitStore {
    folder: PathBuf,
}

/// Where entries are written before they get their name.
pub(super) const DRAFTS: &str = "drafts";

impl UnitStore {
    /// The store of units in a cache folder.
    pub(crate) fn within(cache_folder: &Path) -> Self {
        Self {
            folder: cache_folder.join("weights"),
        }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Entries lie in 256 folders by the first byte of their hash: a folder of ten thousand is slow on some
    /// file systems of SD cards.
    fn path(&self, hash: &Hash) -> PathBuf {
        let name = hash.to_hex();
        self.folder.join(&name.as_str()[..2]).join(name.as_str())
    }

    /// Whether there is an entry of this length. Its content is checked when it is read.
    pub(crate) fn has(&self, hash: &Hash, n_bytes: usize) -> bool {
        // Links count for what they are: none of ours.
        let found = fs::symlink_metadata(self.path(hash));
        found.is_ok_and(|found| found.is_file() && found.len() == n_bytes as u64)
    }

    /// Reads an entry into `pieces`, which it must fill, and marks it as used. Its content may be anything.
    ///
    /// # Errors
    ///
    /// The system's; `InvalidData` for what is no entry of this length.
    pub(crate) fn read(&self, hash: &Hash, mut pieces: Vec<IoSliceMut<'_>>) -> io::Result<()> {
        // A pipe of that name must not block, and a link must not lead elsewhere.
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32;
        let mut options = OpenOptions::new();
        let mut file = options
            .read(true)
            .custom_flags(flags)
            .open(self.path(hash))?;
        let n_bytes: usize = pieces.iter().map(|piece| piece.len()).sum();
        let found = file.metadata()?;
        if !found.is_file() || found.len() != n_bytes as u64 {
            return Err(ErrorKind::InvalidData.into());
        }
        let mut rest = &mut pieces[..];
        while !rest.is_empty() {
            match file.read_vectored(rest) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(n_bytes) => IoSliceMut::advance_slices(&mut rest, n_bytes),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        touch(&file);
        Ok(())
    }

    /// Marks an entry as used now.
    pub(crate) fn mark_used(&self, hash: &Hash) {
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32;
        let mut options = OpenOptions::new();
        if let Ok(file) = options.read(true).custom_flags(flags).open(self.path(hash)) {
            touch(&file);
        }
    }

    /// Deletes an entry, whose content is not what its name says.
    pub(crate) fn remove(&self, hash: &Hash) {
        // What cannot be deleted is found damaged again, and fetched again.
        let _ = fs::remove_file(self.path(hash));
    }

    /// Writes an entry whose content is `pieces`. It appears whole or not at all; it is not forced to the
    /// disk, for what a power cut leaves behind does not have its hash.
    ///
    /// # Errors
    ///
    /// The system's: a full disk, a folder that cannot be written to.
    pub(crate) fn write(&self, hash: &Hash, mut pieces: Vec<IoSlice<'_>>) -> io::Result<()> {
        let path = self.path(hash);
        let draft = self.folder.join(DRAFTS).join(draft_name());
        write_whole(&path, &draft, |file| write_all(file, &mut pieces))
    }
}

fn write_all(file: &mut File, mut rest: &mut [IoSlice<'_>]) -> io::Result<()> {
    while !rest.is_empty() {
        match file.write_vectored(rest) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(n_bytes) => IoSlice::advance_slices(&mut rest, n_bytes),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The time of the last change stands for that of the last use: systems often do not keep the latter.
fn touch(file: &File) {
    // An entry that looks older than it is goes earlier, no more.
    let _ = file.set_modified(SystemTime::now());
}
