//! The weights of a rank, ready to compute with.

use std::ops::Range;
use std::sync::Arc;

use bytemuck::Pod;

use super::model_file::ModelFile;
use super::plan::{WeightPlace, WeightPlan, n_bytes, row_bytes};
use super::rectangle::Rectangle;
use super::units::Unit;
use crate::error::Error;
use crate::memory::Region;
use crate::program::{ValidProgram, Weight};

/// All weights of a rank. Once loaded they are only read.
pub(crate) struct Weights {
    places: Vec<WeightPlace>,
    /// Where each weight lies in `owned` when it is not in the file; none for those that have no room there.
    own_places: Vec<Option<usize>>,
    owned: Region,
    file: Option<Arc<ModelFile>>,
}

impl Weights {
    /// Memory for the weights of `plan`, not filled yet. Weights that stay in a file are in `file`.
    pub(crate) fn new(plan: WeightPlan, file: Option<Arc<ModelFile>>) -> Result<Self, Error> {
        let owned = Region::new(plan.owned_bytes)?;
        owned.prefer_large_pages();
        let own_places = plan.places.iter().map(|place| match *place {
            WeightPlace::Owned(start) => Some(start),
            WeightPlace::Mapped(_) => None,
        });
        Ok(Self {
            own_places: own_places.collect(),
            places: plan.places,
            owned,
            file,
        })
    }

    /// The memory of its own that weight `index` is loaded into; none if it stays in the file.
    pub(crate) fn destination(
        &mut self,
        program: &ValidProgram,
        index: usize,
    ) -> Option<&mut [u8]> {
        let n_bytes = n_bytes(&program.weights[index])?;
        match self.places[index] {
            WeightPlace::Mapped(_) => None,
            // SAFETY: `&mut self` keeps all others away.
            WeightPlace::Owned(start) => Some(unsafe { self.owned.slice_mut(start, n_bytes) }),
        }
    }

    /// From now on weight `index` is used where it lies in this rank's file, from byte `start`; its own
    /// memory, which the system gives when it is written to, stays unused.
    ///
    /// # Panics
    ///
    /// If there is no file.
    pub(crate) fn use_in_file(&mut self, index: usize, start: usize) {
        assert!(self.file.is_some(), "a weight in no file");
        self.places[index] = WeightPlace::Mapped(start);
    }

    /// From now on weight `index` is used in memory of its own.
    ///
    /// # Panics
    ///
    /// If the plan had no room for it.
    pub(crate) fn use_own(&mut self, index: usize) {
        let start = self.own_places[index].expect("room for the weight");
        self.places[index] = WeightPlace::Owned(start);
    }

    /// Whether weight `index` is used where it lies in a file.
    pub(crate) fn is_in_file(&self, index: usize) -> bool {
        matches!(self.places[index], WeightPlace::Mapped(_))
    }

    /// Where `unit` lies in memory of this rank's own.
    ///
    /// # Panics
    ///
    /// If the plan had no room for its weight.
    pub(crate) fn own_place(&self, program: &ValidProgram, unit: &Unit) -> Rectangle {
        let start = self.own_places[unit.weight as usize].expect("room for the weight");
        unit.in_slice(program).moved(start)
    }

    /// Bytes of this rank's own memory.
    ///
    /// # Safety
    ///
    /// Nobody writes to them while the reference lives.
    ///
    /// # Panics
    ///
    /// If they are not within the memory.
    pub(crate) unsafe fn own_bytes(&self, span: Range<usize>) -> &[u8] {
        // SAFETY: the caller's promise is the one that is asked for.
        unsafe { self.owned.slice(span.start, span.len()) }
    }

    /// Bytes of this rank's own memory, to write.
    ///
    /// # Safety
    ///
    /// Nobody else reads or writes them while the reference lives.
    ///
    /// # Panics
    ///
    /// If they are not within the memory.
    #[expect(
        clippy::mut_from_ref,
        reason = "threads fill disjoint parts, as the contract says"
    )]
    pub(crate) unsafe fn own_bytes_mut(&self, span: Range<usize>) -> &mut [u8] {
        // SAFETY: the caller's promise is the one that is asked for.
        unsafe { self.owned.slice_mut(span.start, span.len()) }
    }

    /// Rows `rows` of weight `index`, as values or blocks of its type.
    pub(crate) fn rows<T: Pod>(&self, weight: &Weight, index: u32, rows: Range<usize>) -> &[T] {
        assert!(rows.start <= rows.end && rows.end <= weight.rows as usize);
        let row_bytes = row_bytes(weight);
        let (skipped, n_bytes) = (rows.start * row_bytes, rows.len() * row_bytes);
        match (self.places[index as usize], &self.file) {
            // SAFETY: weights are written while they are loaded, before anybody computes with them.
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
