//! Which weights are used where they lie in the file, and which need memory of their own.

use crate::error::Error;
use crate::memory::{PART_ALIGNMENT, place};
use crate::program::{ValidProgram, Weight};

/// Where each weight of a rank will lie.
pub(crate) struct WeightPlan {
    /// In the order of the Program's weights.
    pub(crate) places: Vec<WeightPlace>,
    /// Bytes of the memory that is not the file's.
    pub(crate) owned_bytes: usize,
}

/// Where a weight's bytes are.
#[derive(Clone, Copy)]
pub(crate) enum WeightPlace {
    /// In the mapped file, from this byte.
    Mapped(usize),
    /// In memory of this rank, from this byte.
    Owned(usize),
}

impl WeightPlan {
    /// A worker's: everything is received into memory of its own.
    pub(crate) fn for_worker(program: &ValidProgram) -> Result<Self, Error> {
        Self::new(program, |_| false)
    }

    /// The root's: whole rows stay in the mapped file, row-parallel slices are gathered.
    pub(crate) fn for_root(program: &ValidProgram) -> Result<Self, Error> {
        Self::new(program, |weight| weight.cols == weight.source.cols)
    }

    fn new(program: &ValidProgram, in_file: impl Fn(&Weight) -> bool) -> Result<Self, Error> {
        let mut owned_bytes = 0;
        let mut places = Vec::with_capacity(program.weights.len());
        for weight in &program.weights {
            places.push(if in_file(weight) {
                let first_row = weight.source.first_row as usize;
                let skipped = row_bytes(weight).checked_mul(first_row);
                let offset = usize::try_from(weight.source.offset).ok();
                let start = offset.zip(skipped).and_then(|(a, b)| a.checked_add(b));
                WeightPlace::Mapped(start.ok_or(Error::TooLarge)?)
            } else {
                let n_bytes = n_bytes(weight).ok_or(Error::TooLarge)?;
                let start = place(&mut owned_bytes, n_bytes);
                WeightPlace::Owned(start.ok_or(Error::TooLarge)?)
            });
        }
        owned_bytes = owned_bytes
            .checked_next_multiple_of(PART_ALIGNMENT)
            .ok_or(Error::TooLarge)?;
        Ok(Self {
            places,
            owned_bytes,
        })
    }
}

/// Bytes of a row of this rank's slice.
pub(crate) fn row_bytes(weight: &Weight) -> usize {
    let cols = weight.cols as usize;
    // A valid Program's columns are whole blocks, and at most 2^24.
    weight.float_type.n_bytes(cols).expect("whole blocks")
}

/// Bytes of this rank's slice.
pub(crate) fn n_bytes(weight: &Weight) -> Option<usize> {
    row_bytes(weight).checked_mul(weight.rows as usize)
}
