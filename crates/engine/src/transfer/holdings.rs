//! A worker's weights with the hashes of their units: what the next session may go on with, and what the
//! cache is written from.

use std::io::IoSlice;
use std::sync::Arc;

use blake3::Hash;

use super::tally::Source;
use crate::cache::ToKeep;
use crate::program::ValidProgram;
use crate::weights::{Unit, Weights};

/// Weights, all of them or as many as came before the session was lost.
pub(crate) struct Holdings {
    program: ValidProgram,
    units: Vec<Unit>,
    /// Of those that are there.
    hashes: Vec<Option<Hash>>,
    sources: Vec<Source>,
    pub(crate) weights: Arc<Weights>,
}

impl Holdings {
    pub(super) fn new(
        program: &ValidProgram,
        units: Vec<Unit>,
        (hashes, sources): (Vec<Option<Hash>>, Vec<Source>),
        weights: Weights,
    ) -> Self {
        Self {
            program: program.clone(),
            units,
            hashes,
            sources,
            weights: Arc::new(weights),
        }
    }

    /// Whether `program` has the same slices at the same places, so that its weights can be these.
    pub(crate) fn fit(&self, program: &ValidProgram) -> bool {
        self.program.weights == program.weights
    }

    /// Bytes that are there in memory of their own.
    pub(crate) fn own_bytes(&self) -> u64 {
        let units = self.units.iter().zip(&self.hashes);
        let own = units.filter(|(unit, hash)| {
            hash.is_some() && !self.weights.is_in_file(unit.weight as usize)
        });
        own.map(|(unit, _)| unit.n_bytes(&self.program) as u64)
            .sum()
    }

    /// The weights and their hashes, to be changed, if nobody else uses them any more.
    pub(super) fn into_parts(self) -> Option<(Weights, Vec<Option<Hash>>)> {
        Some((Arc::into_inner(self.weights)?, self.hashes))
    }
}

impl ToKeep for Holdings {
    fn units(&self) -> Vec<(usize, Hash, usize)> {
        let units = self.units.iter().zip(&self.hashes).zip(&self.sources);
        units
            .enumerate()
            .filter(|(_, (_, source))| **source != Source::Local)
            .filter_map(|(index, ((unit, hash), _))| {
                Some((index, (*hash)?, unit.n_bytes(&self.program)))
            })
            .collect()
    }

    fn pieces(&self, unit: usize) -> Vec<IoSlice<'_>> {
        let place = self.weights.own_place(&self.program, &self.units[unit]);
        let pieces = place.spans().map(|span| {
            // SAFETY: loaded weights are only read; who changes them has them to itself.
            IoSlice::new(unsafe { self.weights.own_bytes(span) })
        });
        pieces.collect()
    }
}
