//! The model file, mapped into memory.

use std::fs::File;
use std::path::Path;

use memmap2::{Advice, Mmap, UncheckedAdvice};

use crate::error::Error;
use crate::program::Weight;
use dllama_net::Slice;

/// A model file that is read through its mapping. The format is TypeScript's matter: here it is
/// bytes at offsets that Programs name.
///
/// Whoever truncates the file while it is in use ends the process (SIGBUS), as with every mapped
/// file; nothing else that is done to it is a danger to memory, since any bytes are valid weights.
pub struct ModelFile {
    file: File,
    map: Mmap,
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
        Ok(Self { file, map })
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

    /// The slice of a weight that [`check`](Self::check) has passed.
    pub(crate) fn slice(&self, weight: &Weight) -> Slice<'_> {
        let (source, float_type) = (&weight.source, weight.float_type);
        // A valid Program's columns are whole blocks.
        let n_bytes = |cols: u32| float_type.n_bytes(cols as usize).expect("whole blocks");
        let row_stride = n_bytes(source.cols) as u64;
        let first = u64::from(source.first_row) * row_stride + n_bytes(source.first_col) as u64;
        Slice::new(
            &self.file,
            &self.map,
            source.offset + first,
            weight.rows as usize,
            row_stride,
            n_bytes(weight.cols),
        )
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
