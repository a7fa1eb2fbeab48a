//! What is hashed, cached and sent as one: a unit, which is a tensor's cell of a fixed grid, or as much of
//! the cell as this rank has (decision 0021).
//!
//! Both sides find the same units in a Program by themselves, so that only hashes travel. The grid is the
//! tensor's, from its first row or column on, so that another split moves no border: a rank has whole cells,
//! and at most two that its slice cuts.

use crate::error::Error;
use crate::program::{ValidProgram, Weight};

use super::rectangle::Rectangle;

/// Rows or columns of a cell: whole heads of most models, whole blocks always.
const CELL_LINES: u32 = 128;
/// Cells of fewer bytes are doubled: each costs a hash, a file and a place in a message.
const LEAST_CELL_BYTES: u64 = 64 << 10;
/// Units of a Program. 405 billion weights in Q40 have 200 thousand on one rank alone.
const MAX_UNITS: usize = 1 << 20;

/// Some lines of one weight: rows where the rank has whole rows of the tensor, else columns. A run of
/// units that follow each other is described by one, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unit {
    /// Index in the Program.
    pub(crate) weight: u32,
    /// First line, counted from the slice's first.
    pub(crate) first: u32,
    pub(crate) n: u32,
}

/// Rows and columns of a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) first_row: u32,
    pub(crate) n_rows: u32,
    pub(crate) first_col: u32,
    pub(crate) n_cols: u32,
}

/// All units of a Program, in the order of its weights. Empty weights have none.
///
/// # Errors
///
/// [`Error::Mismatch`] for a Program that has more than anybody needs.
pub(crate) fn units_of(program: &ValidProgram) -> Result<Vec<Unit>, Error> {
    cut(&program.weights)
}

fn cut(weights: &[Weight]) -> Result<Vec<Unit>, Error> {
    let mut units = Vec::new();
    for (index, weight) in weights.iter().enumerate() {
        if weight.rows == 0 || weight.cols == 0 {
            continue;
        }
        let (first, n) = lines(weight);
        let cell = cell_lines(weight);
        let n_units = (first + n).div_ceil(cell) - first / cell;
        if units.len() + n_units as usize > MAX_UNITS {
            return Err(Error::Mismatch {
                what: "units of a program",
                expected: format!("at most {MAX_UNITS}"),
                got: format!("more, with weight {}", weight.name.escape_default()),
            });
        }
        let mut at = first;
        while at < first + n {
            // No overflow: sizes are at most 2^24.
            let end = ((at / cell + 1) * cell).min(first + n);
            units.push(Unit {
                weight: index as u32,
                first: at - first,
                n: end - at,
            });
            at = end;
        }
    }
    Ok(units)
}

/// What a worker keeps of a unit: its place, hashes, where it came from, and jobs that are due.
const LISTED_BYTES: usize = 256;

/// Bytes of a worker's lists of the units of its weights, at most. A slice has whole cells of 64 KiB, and at most
/// two that it cuts.
pub(crate) fn unit_list_bytes(program: &ValidProgram) -> Option<usize> {
    if program.rank == 0 {
        return Some(0);
    }
    let most = program.weights.iter().try_fold(0usize, |sum, weight| {
        let n_bytes = (weight.rows as usize).checked_mul(n_bytes(weight, weight.cols))?;
        sum.checked_add(n_bytes / LEAST_CELL_BYTES as usize + 2)
    });
    most?.checked_mul(LISTED_BYTES)
}

impl Unit {
    /// The weight that it is of.
    pub(crate) fn weight<'a>(&self, program: &'a ValidProgram) -> &'a Weight {
        &program.weights[self.weight as usize]
    }

    /// Where it lies in memory that holds the slice alone, from the slice's first byte.
    pub(crate) fn in_slice(&self, program: &ValidProgram) -> Rectangle {
        let weight = self.weight(program);
        let part = self.in_tensor(program);
        let first_row = part.first_row - weight.source.first_row;
        let first_col = part.first_col - weight.source.first_col;
        part.rectangle(weight, weight.cols, (first_row, first_col))
    }

    /// Where it lies in the model file, which [`ModelFile::check`](super::ModelFile::check) has seen.
    pub(crate) fn in_file(&self, program: &ValidProgram) -> Rectangle {
        let weight = self.weight(program);
        let part = self.in_tensor(program);
        part.rectangle(weight, weight.source.cols, (part.first_row, part.first_col))
            .moved(weight.source.offset as usize)
    }

    pub(crate) fn n_bytes(&self, program: &ValidProgram) -> usize {
        self.in_slice(program).n_bytes()
    }

    /// This unit with `next`, if that follows it in the same weight.
    pub(crate) fn joined(self, next: Self) -> Option<Self> {
        let follows = next.weight == self.weight && next.first == self.first + self.n;
        follows.then_some(Self {
            n: self.n + next.n,
            ..self
        })
    }

    /// Which rows and columns of the tensor it is.
    pub(crate) fn in_tensor(&self, program: &ValidProgram) -> Part {
        let weight = self.weight(program);
        let (row, col) = (weight.source.first_row, weight.source.first_col);
        match has_whole_rows(weight) {
            true => Part {
                first_row: row + self.first,
                n_rows: self.n,
                first_col: 0,
                n_cols: weight.cols,
            },
            false => Part {
                first_row: row,
                n_rows: weight.rows,
                first_col: col + self.first,
                n_cols: self.n,
            },
        }
    }
}

impl Part {
    /// Its place in a matrix of `cols` columns, in which it begins at `row` and `col`.
    fn rectangle(&self, weight: &Weight, cols: u32, (row, col): (u32, u32)) -> Rectangle {
        let stride = n_bytes(weight, cols);
        Rectangle {
            start: row as usize * stride + n_bytes(weight, col),
            n_rows: self.n_rows as usize,
            stride,
            row_bytes: n_bytes(weight, self.n_cols),
        }
    }
}

pub(crate) fn has_whole_rows(weight: &Weight) -> bool {
    weight.cols == weight.source.cols
}

/// The first line of the slice, as the tensor counts them, and how many there are.
fn lines(weight: &Weight) -> (u32, u32) {
    match has_whole_rows(weight) {
        true => (weight.source.first_row, weight.rows),
        false => (weight.source.first_col, weight.cols),
    }
}

/// Lines of a cell: of the tensor's shape and type alone.
fn cell_lines(weight: &Weight) -> u32 {
    let (all_lines, cell_bytes) = match has_whole_rows(weight) {
        true => {
            let row_bytes = n_bytes(weight, weight.source.cols) as u64;
            (weight.source.rows, row_bytes * u64::from(CELL_LINES))
        }
        false => {
            let bytes_of_row = n_bytes(weight, CELL_LINES) as u64;
            (
                weight.source.cols,
                bytes_of_row * u64::from(weight.source.rows),
            )
        }
    };
    let (mut cell, mut cell_bytes) = (CELL_LINES, cell_bytes);
    while cell_bytes < LEAST_CELL_BYTES && cell < all_lines {
        cell *= 2;
        cell_bytes *= 2;
    }
    cell
}

fn n_bytes(weight: &Weight, cols: u32) -> usize {
    // A valid Program's columns are whole blocks, and so are a cell's.
    weight
        .float_type
        .n_bytes(cols as usize)
        .expect("whole blocks")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::float_type::FloatType;
    use crate::program::Source;

    /// Rows `rows` and columns `cols` of a tensor.
    fn weight(
        float_type: FloatType,
        (all_rows, all_cols): (u32, u32),
        rows: (u32, u32),
        cols: (u32, u32),
    ) -> Weight {
        Weight {
            name: "w".to_owned(),
            float_type,
            rows: rows.1 - rows.0,
            cols: cols.1 - cols.0,
            source: Source {
                offset: 0,
                rows: all_rows,
                cols: all_cols,
                first_row: rows.0,
                first_col: cols.0,
            },
        }
    }

    /// The borders of a slice's units, as the tensor counts lines.
    fn borders(weight: &Weight) -> Vec<u32> {
        let units = cut(std::slice::from_ref(weight)).expect("few units");
        let (first, n) = lines(weight);
        let ends = units.iter().map(|unit| first + unit.first + unit.n);
        let borders: Vec<u32> = std::iter::once(first).chain(ends).collect();
        assert_eq!(*borders.last().expect("one at least"), first + n);
        borders
    }

    #[test]
    fn borders_are_the_tensors_and_not_the_splits() {
        // Llama 2 7B's: a row of 4096 in Q40 has 2304 bytes, 128 rows 288 KiB.
        let up = |rows| weight(FloatType::Q40, (11008, 4096), rows, (0, 4096));
        let down = |cols| weight(FloatType::Q40, (4096, 11008), (0, 4096), cols);
        assert_eq!(borders(&up((0, 300))), [0, 128, 256, 300]);
        assert_eq!(borders(&up((300, 512))), [300, 384, 512]);
        assert_eq!(borders(&down((320, 544))), [320, 384, 512, 544]);
        assert_eq!(borders(&up((0, 11008))).len(), 11008 / 128 + 1);
    }

    #[test]
    fn small_lines_are_put_together_up_to_64_kib() {
        // 128 rows of 64 values in F32 are 32 KiB, and of 32 are 16 KiB.
        let of = |cols, rows| weight(FloatType::F32, (1000, cols), rows, (0, cols));
        assert_eq!(borders(&of(64, (0, 600))), [0, 256, 512, 600]);
        assert_eq!(borders(&of(32, (0, 600))), [0, 512, 600]);
        // A vector is one unit, and so is a tensor of less than 64 KiB.
        assert_eq!(borders(&of(1, (0, 1000))), [0, 1000]);
        let vector = weight(FloatType::F32, (1, 4096), (0, 1), (0, 4096));
        assert_eq!(borders(&vector), [0, 1]);
    }

    #[test]
    fn empty_slices_have_no_units_and_more_than_anybody_needs_are_refused() {
        let empty = weight(FloatType::F32, (10, 10), (3, 3), (0, 10));
        let no_columns = weight(FloatType::F32, (10, 10), (0, 10), (4, 4));
        assert_eq!(cut(&[empty, no_columns]).expect("none"), []);

        let most = 1 << 24;
        let huge = weight(FloatType::F32, (most, 1), (0, most), (0, 1));
        let n_units = borders(&huge).len() - 1;
        let weights = vec![huge; MAX_UNITS / n_units];
        assert_eq!(cut(&weights).expect("as many as allowed").len(), MAX_UNITS);
        let error = cut(&[&weights[..], &weights[..1]].concat()).expect_err("more");
        assert_eq!(error.code(), "PROGRAM_INVALID");
    }

    #[test]
    fn units_that_follow_each_other_join() {
        let unit = |weight, first, n| Unit { weight, first, n };
        assert_eq!(unit(1, 0, 5).joined(unit(1, 5, 2)), Some(unit(1, 0, 7)));
        assert_eq!(unit(1, 0, 5).joined(unit(1, 6, 2)), None);
        assert_eq!(unit(1, 0, 5).joined(unit(2, 5, 2)), None);
    }
}
