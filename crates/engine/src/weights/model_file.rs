//! The model file, mapped into memory.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use memmap2::{Advice, Mmap, UncheckedAdvice};

use super::rectangle::Rectangle;
use crate::error::Error;
use crate::program::Weight;
use dllama_net::Slice;

/// A model file that is read through its mapping. TypeScript knows the format: here it is
/// bytes at offsets that Programs name.
///
/// Whoever truncates the file while it is in use ends the process (SIGBUS), as with every mapped
/// file; nothing else that is done to it is a danger to memory, since any bytes are valid weights.
pub struct ModelFile {
    file: File,
    map: Mmap,
    /// Its identity then.
    opened: Vec<u8>,
}

impl ModelFile {
    /// Opens and maps a file.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if it cannot be read or is empty.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let refused = |source| Error::File {
            path: path.to_owned(),
            source,
        };
        let file = File::open(path).map_err(refused)?;
        // SAFETY: the mapping is read-only, and what is read from it is plain numbers, right or
        // wrong: a change by another process cannot break an invariant. Truncation is documented.
        let map = unsafe { Mmap::map(&file) }.map_err(refused)?;
        let mut opened = Self {
            file,
            map,
            opened: vec![],
        };
        opened.opened = opened.identity().map_err(refused)?;
        Ok(opened)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.map
    }

    /// Checks that the tensor that `weight` is cut from lies in the file, aligned for its type.
    ///
    /// # Errors
    ///
    /// [`Error::Weight`].
    pub(crate) fn check(&self, weight: &Weight) -> Result<(), Error> {
        let (source, float_type) = (&weight.source, weight.float_type);
        let refused = |expected: String, got: String| Error::Weight {
            name: weight.name.clone(),
            expected,
            got,
        };
        let row_bytes = float_type.n_bytes(source.cols as usize).unwrap_or(0) as u64;
        let end = (row_bytes * u64::from(source.rows)).checked_add(source.offset);
        if end.is_none_or(|end| end > self.map.len() as u64) {
            let expected = format!("to end within the file's {} bytes", self.map.len());
            let got = format!(
                "offset {} and {} rows of {row_bytes}",
                source.offset, source.rows
            );
            return Err(refused(expected, got));
        }
        let alignment = float_type.alignment() as u64;
        if !source.offset.is_multiple_of(alignment) {
            let expected = format!("an offset that is a multiple of {alignment}");
            return Err(refused(expected, source.offset.to_string()));
        }
        Ok(())
    }

    /// A part of the file, to be sent. It lies in a tensor that [`check`](Self::check) has passed.
    pub(crate) fn slice(&self, part: &Rectangle) -> Slice<'_> {
        Slice::new(
            &self.file,
            &self.map,
            part.start as u64,
            part.n_rows,
            part.stride as u64,
            part.row_bytes,
        )
    }

    /// The bytes of a part of a tensor that [`check`](Self::check) has passed, in pieces.
    pub(crate) fn pieces(&self, part: &Rectangle) -> impl Iterator<Item = &[u8]> {
        part.spans().map(|span| &self.map[span])
    }

    /// What tells this file, as it is now, from others and from itself after a change.
    ///
    /// # Errors
    ///
    /// The system's.
    pub(crate) fn identity(&self) -> io::Result<Vec<u8>> {
        let found = self.file.metadata()?;
        let numbers = [
            found.dev() as i64,
            found.ino() as i64,
            found.size() as i64,
            found.mtime(),
            found.mtime_nsec(),
            // It moves with any change, even where the other is set back.
            found.ctime(),
            found.ctime_nsec(),
        ];
        Ok(numbers.iter().flat_map(|n| n.to_le_bytes()).collect())
    }

    /// Whether the file is as it was when it was opened.
    pub(crate) fn is_unchanged(&self) -> bool {
        self.identity().is_ok_and(|now| now == self.opened)
    }

    /// Tells the system that a tensor is read soon, from its beginning to its end.
    pub(crate) fn will_read(&self, offset: usize, n_bytes: usize) {
        // Advice: where it is not taken, reading is slower and not wrong.
        let _ = self.map.advise_range(Advice::WillNeed, offset, n_bytes);
    }

    /// Gives pages back whose bytes have been gathered into memory of their own.
    pub(crate) fn release(&self, offset: usize, n_bytes: usize) {
        // SAFETY: the mapping is of a file and not written to, so the pages read the same afterwards.
        let _ = unsafe {
            self.map
                .unchecked_advise_range(UncheckedAdvice::DontNeed, offset, n_bytes)
        };
    }
}
