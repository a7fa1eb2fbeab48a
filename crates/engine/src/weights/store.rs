//! The weights of a rank, ready to compute with.

use std::ops::Range;
use std::sync::Arc;

use bytemuck::Pod;

use super::model_file::ModelFile;
use super::plan::{WeightPlace, WeightPlan, n_bytes, row_bytes};
use crate::error::Error;
use crate::memory::Region;
use crate::program::{ValidProgram, Weight};

/// All weights of a rank. Once loaded they are only read.
pub(crate) struct Weights {
    plan: WeightPlan,
    owned: Region,
    file: Option<Arc<ModelFile>>,
}

impl Weights {
    /// Memory for the weights of `plan`, not filled yet.
    pub(crate) fn new(plan: WeightPlan, file: Option<Arc<ModelFile>>) -> Result<Self, Error> {
        let owned = Region::new(plan.owned_bytes)?;
        owned.prefer_large_pages();
        Ok(Self { plan, owned, file })
    }

    /// The memory of its own that weight `index` is loaded into; none if it stays in the file.
    pub(crate) fn destination(
        &mut self,
        program: &ValidProgram,
        index: usize,
    ) -> Option<&mut [u8]> {
        let n_bytes = n_bytes(&program.weights[index])?;
        match self.plan.places[index] {
            WeightPlace::Mapped(_) => None,
            // SAFETY: `&mut self` keeps all others away.
            WeightPlace::Owned(start) => Some(unsafe { self.owned.slice_mut(start, n_bytes) }),
        }
    }

    /// Rows `rows` of weight `index`, as values or blocks of its type.
    pub(crate) fn rows<T: Pod>(&self, weight: &Weight, index: u32, rows: Range<usize>) -> &[T] {
        assert!(rows.start <= rows.end && rows.end <= weight.rows as usize);
        let row_bytes = row_bytes(weight);
        let (skipped, n_bytes) = (rows.start * row_bytes, rows.len() * row_bytes);
        match (self.plan.places[index as usize], &self.file) {
            // SAFETY: weights are written through `&mut self` alone.
            (WeightPlace::Owned(start), _) => unsafe {
                self.owned.slice(start + skipped, n_bytes / size_of::<T>())
            },
            (WeightPlace::Mapped(start), Some(file)) => {
                let start = start + skipped;
                bytemuck::cast_slice(&file.bytes()[start..start + n_bytes])
            }
            (WeightPlace::Mapped(_), None) => unreachable!("a mapped weight has a file"),
        }
    }
}
