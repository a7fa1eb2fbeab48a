//! The activation buffers of a Program.

use std::ops::Range;

use dllama_kernels::ColumnsMut;

use super::region::{Region, place};
use crate::error::Error;
use crate::program::{BufferRows, ValidProgram};

/// All buffers of a rank: (max_tokens, width) f32 each, rows without gaps.
///
/// Access is `unsafe` for aliasing alone; bounds are checked at each access.
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
    /// No thread writes to the buffer while the reference lives.
    pub(crate) unsafe fn rows(&self, buffer: u32, n_rows: usize) -> &[f32] {
        let place = &self.places[buffer as usize];
        // SAFETY: the caller's promise.
        unsafe { self.region.slice(place.offset, n_rows * place.width) }
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
            range.end <= place.max_values,
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
        assert!(rows.start <= rows.end && rows.end * place.width <= place.max_values);
        let matrix: *mut f32 = self.region.address(place.offset, rows.end * place.width);
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
