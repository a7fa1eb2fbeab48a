//! Files that appear whole or not at all: a draft that only this user may read, which then gets its name.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// Writes `path` by way of `draft`, on the same file system, and makes their folders. It is not forced to the
/// disk.
///
/// # Errors
///
/// The system's: a full disk, a folder that cannot be written to. The draft is then gone.
pub(super) fn write_whole(
    path: &Path,
    draft: &Path,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    for folder in [path, draft].into_iter().filter_map(Path::parent) {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
    }
    let written = create(draft)
        .and_then(|mut file| write(&mut file))
        .and_then(|()| fs::rename(draft, path));
    if written.is_err() {
        let _ = fs::remove_file(draft);
    }
    written
}

fn create(draft: &Path) -> io::Result<File> {
    // A draft of that name is of a process that has ended.
    let _ = fs::remove_file(draft);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600).open(draft)
}
