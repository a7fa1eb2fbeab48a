//! A window of columns of a row-major f32 matrix: where a matmul writes.

use core::marker::PhantomData;
use core::ops::Range;
use core::slice;

/// Exclusive access to some columns of a (`n_rows`, `row_stride`) f32 matrix.
///
/// Several threads fill one matrix at once, each its own columns. Their elements
/// interleave in memory, so no `&mut [f32]` can stand for one thread's part.
#[derive(Debug)]
pub struct ColumnsMut<'a> {
    /// Row `r`, column `c` is at `first + r * row_stride + c`.
    first: *mut f32,
    n_rows: usize,
    row_stride: usize,
    n_cols: usize,
    matrix: PhantomData<&'a mut [f32]>,
}

// SAFETY: a window is as exclusive as the `&mut [f32]` of its marker, which is Send.
unsafe impl Send for ColumnsMut<'_> {}

impl<'a> ColumnsMut<'a> {
    /// The columns `columns` of `matrix`, whose rows are `row_stride` long.
    ///
    /// # Panics
    ///
    /// If `matrix` is not whole rows, or `columns` reach past a row.
    pub fn new(matrix: &'a mut [f32], row_stride: usize, columns: Range<usize>) -> Self {
        assert!(
            columns.start <= columns.end && columns.end <= row_stride,
            "columns {columns:?} of rows of {row_stride}"
        );
        assert!(
            matrix.len().is_multiple_of(row_stride),
            "{} values are not whole rows of {row_stride}",
            matrix.len()
        );
        let n_rows = matrix.len().checked_div(row_stride).unwrap_or(0);
        let first = matrix.as_mut_ptr().wrapping_add(columns.start);
        // SAFETY: every row lies in `matrix`, which is borrowed for 'a.
        unsafe { Self::from_raw(first, n_rows, row_stride, columns.len()) }
    }

    /// All columns of a (`matrix.len() / n_cols`, `n_cols`) matrix.
    ///
    /// # Panics
    ///
    /// If `matrix` is not whole rows.
    pub fn all(matrix: &'a mut [f32], n_cols: usize) -> Self {
        Self::new(matrix, n_cols, 0..n_cols)
    }

    /// A window of `n_rows` pieces of `n_cols` values, `row_stride` values apart.
    ///
    /// # Safety
    ///
    /// For `'a`, each piece `first + r * row_stride ..+ n_cols` with `r < n_rows`
    /// is valid for reads and writes, lies in one allocation with the others, and
    /// is reached through this window only. `n_cols <= row_stride`.
    pub unsafe fn from_raw(
        first: *mut f32,
        n_rows: usize,
        row_stride: usize,
        n_cols: usize,
    ) -> Self {
        Self {
            first,
            n_rows,
            row_stride,
            n_cols,
            matrix: PhantomData,
        }
    }

    /// Rows of the matrix: tokens.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Columns of the window: output features.
    pub fn n_cols(&self) -> usize {
        self.n_cols
    }

    /// This window's part of row `row`.
    ///
    /// # Panics
    ///
    /// If there is no such row.
    #[inline]
    pub fn row_mut(&mut self, row: usize) -> &mut [f32] {
        assert!(row < self.n_rows, "row {row} of {}", self.n_rows);
        // SAFETY: `row < n_rows`, so the piece is valid and ours by the contract
        // of `from_raw`; `&mut self` keeps a second reference from being made.
        unsafe { slice::from_raw_parts_mut(self.first.add(row * self.row_stride), self.n_cols) }
    }

    /// Writes `values` with its first one in row `row`, column `column`. What is past the last row or column is
    /// left out.
    #[inline]
    pub(crate) fn write_square<const SIDE: usize>(
        &mut self,
        row: usize,
        column: usize,
        values: &[[f32; SIDE]; SIDE],
    ) {
        let is_whole =
            row.saturating_add(SIDE) <= self.n_rows && column.saturating_add(SIDE) <= self.n_cols;
        if is_whole {
            for (i, values) in values.iter().enumerate() {
                // SAFETY: `row + i` is a row and `column ..+ SIDE` are columns of this window, as just compared, so
                // that by the contract of `from_raw` they are valid and ours; f32s may be written unaligned.
                unsafe {
                    let out = self.first.add((row + i) * self.row_stride + column);
                    out.cast::<[f32; SIDE]>().write_unaligned(*values);
                }
            }
        } else {
            for (row, values) in (row..self.n_rows).zip(values) {
                for (out, value) in self.row_mut(row)[column..].iter_mut().zip(values) {
                    *out = *value;
                }
            }
        }
    }

    /// The same columns of some of the rows.
    ///
    /// # Panics
    ///
    /// If `rows` reach past the last row.
    pub fn rows_mut(&mut self, rows: Range<usize>) -> ColumnsMut<'_> {
        assert!(
            rows.start <= rows.end && rows.end <= self.n_rows,
            "rows {rows:?} of {}",
            self.n_rows
        );
        let first = self.first.wrapping_add(rows.start * self.row_stride);
        // SAFETY: a part of this window's pieces, lent for as long as `self` is.
        unsafe { ColumnsMut::from_raw(first, rows.len(), self.row_stride, self.n_cols) }
    }
}
