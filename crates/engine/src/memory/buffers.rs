//! The activation buffers of a Program.

use std::ops::Range;

use dllama_kernels::ColumnsMut;

use super::region::{Region, place};
use crate::error::Error;
use crate::program::{BufferRows, ValidProgram};

/// All buffers of a rank: (max_tokens, width) f32 each, rows without gaps.
///
/// Access is `unsafe` for aliasing alone; that it stays within its buffer is checked each time.
pub(crate) struct Buffers {
    region: Region,
    places: Vec<Place>,
}

struct Place {
    offset: usize,
    width: usize,
    max_values: usize,
    rows: BufferRows,
}

impl Place {
    /// Values of the first `n_rows` rows.
    ///
    /// # Panics
    ///
    /// If the buffer does not have so many.
    fn n_values(&self, n_rows: usize) -> usize {
        let n_values = n_rows
            .checked_mul(self.width)
            .filter(|&n| n <= self.max_values);
        n_values.unwrap_or_else(|| {
            let Self {
                width, max_values, ..
            } = self;
            panic!("{n_rows} rows of {width} values in a buffer of {max_values}")
        })
    }
}

impl Buffers {
    pub(crate) fn new(program: &ValidProgram) -> Result<Self, Error> {
        let (places, n_bytes) = plan(program).ok_or(Error::TooLarge)?;
        Ok(Self {
            region: Region::new(n_bytes)?,
            places,
        })
    }

    /// Bytes that the buffers take once all rows have been used.
    pub(crate) fn n_bytes(program: &ValidProgram) -> Option<usize> {
        plan(program).map(|(_, n_bytes)| n_bytes)
    }

    pub(crate) fn width(&self, buffer: u32) -> usize {
        self.places[buffer as usize].width
    }

    pub(crate) fn kind_of_rows(&self, buffer: u32) -> BufferRows {
        self.places[buffer as usize].rows
    }

    /// The first `n_rows` rows: (n_rows, width).
    ///
    /// # Safety
    ///
    /// No thread writes to those rows while the reference lives.
    pub(crate) unsafe fn rows(&self, buffer: u32, n_rows: usize) -> &[f32] {
        let place = &self.places[buffer as usize];
        // SAFETY: the caller's promise.
        unsafe { self.region.slice(place.offset, place.n_values(n_rows)) }
    }

    /// Values `range` of the buffer, counted over its rows without gaps.
    ///
    /// # Safety
    ///
    /// No other thread reads or writes them while the reference lives.
    #[expect(
        clippy::mut_from_ref,
        reason = "threads own disjoint parts, as the contract says"
    )]
    pub(crate) unsafe fn values_mut(&self, buffer: u32, range: Range<usize>) -> &mut [f32] {
        let place = &self.places[buffer as usize];
        assert!(
            range.start <= range.end && range.end <= place.max_values,
            "{range:?} of buffer {buffer}"
        );
        let offset = place.offset + range.start * size_of::<f32>();
        // SAFETY: the caller's promise.
        unsafe { self.region.slice_mut(offset, range.len()) }
    }

    /// Columns `columns` of some rows, to write.
    ///
    /// # Safety
    ///
    /// No other thread reads or writes those columns of those rows while the window lives.
    pub(crate) unsafe fn columns_mut(
        &self,
        buffer: u32,
        rows: Range<usize>,
        columns: Range<usize>,
    ) -> ColumnsMut<'_> {
        let place = &self.places[buffer as usize];
        assert!(columns.start <= columns.end && columns.end <= place.width);
        assert!(rows.start <= rows.end, "rows {rows:?} of buffer {buffer}");
        let n_values = place.n_values(rows.end);
        let matrix: *mut f32 = self.region.address(place.offset, n_values);
        let first = matrix.wrapping_add(rows.start * place.width + columns.start);
        // SAFETY: the asserts place every row's columns in this buffer; the rest is the caller's
        // promise.
        unsafe { ColumnsMut::from_raw(first, rows.len(), place.width, columns.len()) }
    }
}

fn plan(program: &ValidProgram) -> Option<(Vec<Place>, usize)> {
    let mut end = 0;
    let mut places = Vec::with_capacity(program.buffers.len());
    for buffer in &program.buffers {
        let width = buffer.width as usize;
        let max_values = width.checked_mul(program.max_tokens as usize)?;
        places.push(Place {
            offset: place(&mut end, max_values.checked_mul(size_of::<f32>())?)?,
            width,
            max_values,
            rows: buffer.rows,
        });
    }
    Some((places, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two buffers of (4, 8) values, one after the other.
    fn two() -> Buffers {
        let mut end = 0;
        let mut place = || Place {
            offset: place(&mut end, 4 * 8 * size_of::<f32>()).expect("a small buffer"),
            width: 8,
            max_values: 4 * 8,
            rows: BufferRows::All,
        };
        let places = vec![place(), place()];
        Buffers {
            region: Region::new(end).expect("memory"),
            places,
        }
    }

    fn panics(access: impl FnOnce(&Buffers)) -> bool {
        let buffers = two();
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| access(&buffers))).is_err()
    }

    #[test]
    fn all_of_a_buffer_is_there() {
        let buffers = two();
        // SAFETY: one thread, one reference at a time.
        unsafe {
            assert_eq!(buffers.rows(0, 4).len(), 32);
            assert_eq!(buffers.values_mut(0, 0..32).len(), 32);
            assert_eq!(buffers.columns_mut(0, 0..4, 0..8).n_rows(), 4);
            assert_eq!(buffers.columns_mut(0, 4..4, 8..8).n_rows(), 0);
        }
    }

    #[test]
    #[expect(clippy::reversed_empty_ranges, reason = "that is what is refused")]
    fn nothing_beyond_a_buffer_is_though_another_lies_there() {
        // SAFETY: one thread, one reference at a time.
        unsafe {
            assert!(panics(|of| {
                of.rows(0, 5);
            }));
            assert!(panics(|of| {
                of.rows(0, usize::MAX / 8 + 2);
            }));
            assert!(panics(|of| {
                of.values_mut(0, 30..33);
            }));
            assert!(panics(|of| {
                of.values_mut(0, 9..8);
            }));
            assert!(panics(|of| {
                of.columns_mut(0, 3..5, 0..8);
            }));
            assert!(panics(|of| {
                of.columns_mut(0, 0..4, 4..9);
            }));
            assert!(panics(|of| {
                of.columns_mut(0, 0..usize::MAX / 8 + 2, 0..8);
            }));
        }
    }
}
