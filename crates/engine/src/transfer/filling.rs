//! A worker's memory while it is filled with weights: offers answered, missing units received.

use std::collections::BTreeMap;
use std::io::IoSliceMut;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use blake3::Hash;
use dllama_net::Mesh;

use super::jobs::{Done, Job, Work};
use super::manifest::{
    MAX_BATCH, MAX_HASHES_BYTES, decode_hashes, encode_indices, encode_ready, encode_sources,
};
use super::send::runs;
use super::stock::Stock;
use super::tally::Source;
use crate::error::Error;
use crate::memory::require_available;
use crate::program::ValidProgram;
use crate::rank::RankMemory;
use crate::roles::messages::{HASHES, READY, REPAIR, SOURCES};
use crate::weights::{Unit, Weights, n_bytes};

/// How often the root is told how far reading has come.
const TELL: Duration = Duration::from_millis(250);

/// Memory while it is filled.
///
/// A unit's bytes are one thread's alone: the receiving one's, until it hands the unit to the others through
/// the channel, and from then on the one's that takes the job. No unit is handed over twice before its first job
/// has ended.
pub(super) struct Filling<'a> {
    pub(super) mesh: &'a Mesh,
    pub(super) program: &'a ValidProgram,
    pub(super) stock: Stock<'a>,
    /// What the rank takes if all that the local file may have is used there.
    pub(super) memory: RankMemory,
    pub(super) max_memory: Option<u64>,
    pub(super) n_threads: usize,
    pub(super) units: &'a [Unit],
    /// Hashes of what is in memory already.
    pub(super) held: &'a [Option<Hash>],
    pub(super) weights: &'a Weights,
    /// Nothing more is read: the transfer has failed.
    pub(super) is_given_up: AtomicBool,
}

#[derive(Default)]
pub(super) struct Filled {
    pub(super) hashes: Vec<Hash>,
    /// Whether each unit's bytes are in place, in own memory or in a file, and have its hash.
    pub(super) is_there: Vec<bool>,
    pub(super) sources: Vec<Source>,
    /// For weights that a local file might have: where they are used in it, or that they are not.
    pub(super) places: Vec<(usize, Option<usize>)>,
    /// Weights that the local file does not have after all, and their bytes.
    not_in_file: BTreeMap<u32, usize>,
}

impl Filling<'_> {
    /// Returns what is known and there, even after an error.
    pub(super) fn run(&self) -> (Filled, Result<(), Error>) {
        std::thread::scope(|scope| {
            let mut work = Work::start(scope, self.n_threads, |job| self.work(job));
            let mut filled = Filled::default();
            let result = self.fill(&mut work, &mut filled);
            self.is_given_up.store(true, Relaxed);
            for (job, is_good) in work.end() {
                filled.is_there[job.unit] = is_good;
            }
            (filled, result)
        })
    }

    fn fill(&self, work: &mut Work<'_>, filled: &mut Filled) -> Result<(), Error> {
        let mut offered = self.offer(work, filled)?;
        while let Some(range) = offered {
            offered = self.offer(work, filled)?;
            let missing = range.filter(|&unit| filled.sources[unit] == Source::Missing);
            self.receive(missing.collect(), work, filled)?;
        }
        self.settle_places(work, filled);
        self.finish(work, filled)?;
        let mut damaged = std::mem::take(&mut work.damaged);
        damaged.sort_unstable();
        for some in damaged.chunks(MAX_BATCH) {
            self.mesh.send_control(0, REPAIR, &encode_indices(some))?;
            self.receive(some.to_vec(), work, filled)?;
            for &unit in some {
                filled.sources[unit] = Source::Missing;
            }
        }
        self.finish(work, filled)
    }

    /// The next batch, answered; `None` after the last.
    fn offer(
        &self,
        work: &mut Work<'_>,
        filled: &mut Filled,
    ) -> Result<Option<Range<usize>>, Error> {
        let first = filled.hashes.len();
        if first == self.units.len() {
            return Ok(None);
        }
        let (tag, payload) = self.mesh.receive_control(0, MAX_HASHES_BYTES)?;
        if tag != HASHES {
            return Err(Error::Message {
                rank: 0,
                expected: "hashes of units".to_owned(),
                got: format!("a message with tag {tag}"),
            });
        }
        let hashes = decode_hashes(&payload, self.units.len() - first)?;
        let range = first..first + hashes.len();
        let sources = self.sources(range.clone(), &hashes, &mut filled.not_in_file)?;
        let answer = encode_sources(work.ready_bytes, &sources);
        let is_held = sources.iter().map(|&source| source == Source::Held);
        filled.is_there.extend(is_held);
        filled.hashes.extend(hashes);
        filled.sources.extend(sources);
        for unit in range.clone() {
            let (hash, source) = (filled.hashes[unit], filled.sources[unit]);
            match source {
                Source::Held => work.ready_bytes += self.n_bytes(unit),
                Source::Cached => work.give(Job { unit, hash, source })?,
                // Whether it is copied at all is seen when all of its weight is known.
                Source::Local | Source::Missing => {}
            }
        }
        self.mesh.send_control(0, SOURCES, &answer)?;
        Ok(Some(range))
    }

    /// Where each unit is; `not_in_file` is brought up to date.
    fn sources(
        &self,
        range: Range<usize>,
        hashes: &[Hash],
        not_in_file: &mut BTreeMap<u32, usize>,
    ) -> Result<Vec<Source>, Error> {
        let units = &self.units[range.clone()];
        let held = |unit: usize, hash: &Hash| {
            let is_held = self.held.get(unit) == Some(&Some(*hash));
            is_held.then(|| {
                let index = self.units[unit].weight as usize;
                match self.weights.is_in_file(index) {
                    true => Source::Local,
                    false => Source::Held,
                }
            })
        };
        let held: Vec<_> = range
            .zip(hashes)
            .map(|(unit, hash)| held(unit, hash))
            .collect();
        let all_held: Option<Vec<Source>> = held.iter().copied().collect();
        let sources = match all_held {
            Some(sources) => sources,
            None => {
                let found = self.stock.find(self.program, units, hashes, self.n_threads);
                let both = held.into_iter().zip(found);
                both.map(|(held, found)| held.unwrap_or(found)).collect()
            }
        };
        self.require_room(units, &sources, not_in_file)?;
        Ok(sources)
    }

    /// Counts weights that were expected to stay in the local file and do not.
    fn require_room(
        &self,
        units: &[Unit],
        sources: &[Source],
        not_in_file: &mut BTreeMap<u32, usize>,
    ) -> Result<(), Error> {
        let Some(local) = self.stock.local else {
            return Ok(());
        };
        let others = units.iter().zip(sources);
        for (unit, source) in others.filter(|(_, source)| **source != Source::Local) {
            let weight = unit.weight(self.program);
            if not_in_file.contains_key(&unit.weight) || !local.may_hold(weight) {
                continue;
            }
            let n_bytes = n_bytes(weight).ok_or(Error::TooLarge)?;
            not_in_file.insert(unit.weight, n_bytes);
            let more: usize = not_in_file.values().sum();
            let memory = RankMemory {
                weight_bytes: self.memory.weight_bytes.saturating_add(more as u64),
                ..self.memory
            };
            memory.require_within(self.max_memory)?;
            // What is held is in memory already.
            if *source != Source::Held {
                require_available("a weight that the local model file lacks", Some(n_bytes))?;
            }
        }
        Ok(())
    }

    /// Receives units into their places, joined as the root joins them, and has them hashed.
    fn receive(
        &self,
        missing: Vec<usize>,
        work: &mut Work<'_>,
        filled: &mut Filled,
    ) -> Result<(), Error> {
        let mut missing = missing.into_iter().peekable();
        let units: Vec<Unit> = missing.clone().map(|unit| self.units[unit]).collect();
        for run in runs(units.into_iter()) {
            // SAFETY: the run's units are missing, or their jobs have ended, and no job has been given for them.
            let pieces = unsafe { self.pieces_mut(&run) }.into_iter();
            let pieces = pieces.map(IoSliceMut::new).collect();
            self.mesh.receive_slice(0, pieces)?;
            let end = run.first + run.n;
            let within = |unit: &usize| {
                let unit = &self.units[*unit];
                unit.weight == run.weight && unit.first < end
            };
            while let Some(unit) = missing.next_if(within) {
                let hash = filled.hashes[unit];
                let source = Source::Missing;
                work.give(Job { unit, hash, source })?;
            }
            while let Some(done) = work.result() {
                self.note(done, work, filled)?;
            }
        }
        Ok(())
    }

    /// Decides which weights are used in the local file, and has the units of others copied from it.
    fn settle_places(&self, work: &mut Work<'_>, filled: &mut Filled) {
        let mut first = 0;
        for units in self.units.chunk_by(|a, b| a.weight == b.weight) {
            let range = first..first + units.len();
            first = range.end;
            let index = units[0].weight as usize;
            let weight = units[0].weight(self.program);
            let sources = &filled.sources[range.clone()];
            let in_file = self
                .stock
                .local
                .filter(|local| local.may_hold(weight))
                .filter(|_| sources.iter().all(|&source| source == Source::Local));
            if in_file.is_some() {
                filled
                    .places
                    .push((index, Some(units[0].in_file(self.program).start)));
                for unit in range {
                    work.ready_bytes += self.n_bytes(unit);
                    filled.is_there[unit] = true;
                }
                continue;
            }
            filled.places.push((index, None));
            for unit in range {
                let (hash, source) = (filled.hashes[unit], filled.sources[unit]);
                if source == Source::Local {
                    // A thread that has ended is noticed where results are awaited.
                    let _ = work.give(Job { unit, hash, source });
                }
            }
        }
    }

    /// Waits for all jobs, and tells the root how far they have come.
    fn finish(&self, work: &mut Work<'_>, filled: &mut Filled) -> Result<(), Error> {
        while work.is_under_way() {
            match work.result_within(TELL)? {
                Some(done) => self.note(done, work, filled)?,
                None => {
                    let ready = encode_ready(work.ready_bytes);
                    self.mesh.send_control(0, READY, &ready)?;
                }
            }
        }
        let ready = encode_ready(work.ready_bytes);
        Ok(self.mesh.send_control(0, READY, &ready)?)
    }

    fn note(
        &self,
        (job, is_good): Done,
        work: &mut Work<'_>,
        filled: &mut Filled,
    ) -> Result<(), Error> {
        filled.is_there[job.unit] = is_good;
        match (job.source, is_good) {
            (Source::Missing, true) => {}
            (Source::Missing, false) => {
                let unit = &self.units[job.unit];
                return Err(Error::Unit {
                    name: unit.weight(self.program).name.clone(),
                    unit: job.unit,
                    expected: job.hash.to_hex().to_string(),
                });
            }
            (_, true) => work.ready_bytes += self.n_bytes(job.unit),
            (_, false) => work.damaged.push(job.unit),
        }
        Ok(())
    }

    fn n_bytes(&self, unit: usize) -> u64 {
        self.units[unit].n_bytes(self.program) as u64
    }
}
