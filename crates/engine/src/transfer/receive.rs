//! The worker's side of a transfer.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use blake3::Hash;
use dllama_net::Mesh;

use super::filling::Filling;
use super::holdings::Holdings;
use super::stock::Stock;
use super::tally::Tally;
use crate::error::Error;
use crate::program::ValidProgram;
use crate::rank::RankMemory;
use crate::weights::{WeightPlan, Weights, units_of};

/// More would not make hashing faster than the networks that such devices have.
const MAX_THREADS: usize = 4;

/// A transfer to this worker.
pub(crate) struct Receiver<'a> {
    pub(crate) mesh: &'a Mesh,
    pub(crate) program: &'a ValidProgram,
    pub(crate) stock: Stock<'a>,
    /// What the rank takes if all that the local file may have is used there.
    pub(crate) memory: RankMemory,
    /// Bytes that it may take.
    pub(crate) max_memory: Option<u64>,
    pub(crate) n_threads: usize,
}

/// A transfer that has failed, with what had come before: the next session may go on from there.
pub(crate) struct Interrupted {
    pub(crate) error: Error,
    pub(crate) holdings: Option<Arc<Holdings>>,
}

impl From<Error> for Interrupted {
    fn from(error: Error) -> Self {
        Self {
            error,
            holdings: None,
        }
    }
}

impl Receiver<'_> {
    /// Fills this rank's memory with its weights. `held` are those of a session before that
    /// [`fit`](Holdings::fit).
    ///
    /// # Errors
    ///
    /// [`Error::Unit`] for bytes that are not what the root's hash says, [`Error::OutOfMemory`] and
    /// [`Error::MemoryLimit`] where a local file is not what it seemed, [`Error::Message`], [`Error::Net`], [`Error::System`].
    pub(crate) fn run(self, held: Option<Holdings>) -> Result<(Arc<Holdings>, Tally), Interrupted> {
        let units = units_of(self.program)?;
        let (mut weights, held) = match held.and_then(Holdings::into_parts) {
            Some((weights, hashes)) => (weights, hashes),
            None => {
                let file = self.stock.local.map(|local| local.file.clone());
                let plan = WeightPlan::for_worker(self.program)?;
                (Weights::new(plan, file)?, vec![])
            }
        };
        let (filled, result) = Filling {
            mesh: self.mesh,
            program: self.program,
            stock: self.stock,
            memory: self.memory,
            max_memory: self.max_memory,
            n_threads: self.n_threads.clamp(1, MAX_THREADS),
            units: &units,
            held: &held,
            weights: &weights,
            is_given_up: AtomicBool::new(false),
        }
        .run();
        let mut hashes: Vec<Option<Hash>> = filled
            .hashes
            .iter()
            .zip(&filled.is_there)
            .map(|(hash, is_there)| is_there.then_some(*hash))
            .collect();
        // What the transfer did not come to is as it was.
        let untouched = held.iter().zip(&units).skip(hashes.len());
        let untouched = untouched
            .map(|(hash, unit)| hash.filter(|_| !weights.is_in_file(unit.weight as usize)));
        hashes.extend(untouched.collect::<Vec<_>>());
        let mut places = filled.places;
        if places.is_empty() {
            // The transfer was lost before they were settled. Of what lies in a local file nothing is lost.
            places.extend((0..self.program.weights.len()).map(|index| (index, None)));
        }
        for (index, place) in places {
            match place {
                Some(start) => weights.use_in_file(index, start),
                None => weights.use_own(index),
            }
        }
        let mut tally = Tally::default();
        for (unit, &source) in units.iter().zip(&filled.sources) {
            tally.add(source, unit.n_bytes(self.program));
        }
        let found = (hashes, filled.sources);
        let holdings = Arc::new(Holdings::new(self.program, units, found, weights));
        match result {
            Ok(()) => Ok((holdings, tally)),
            Err(error) => Err(Interrupted {
                error,
                holdings: Some(holdings),
            }),
        }
    }
}
