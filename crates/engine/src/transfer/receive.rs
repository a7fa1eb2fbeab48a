//! The worker's side of a transfer.

use std::io::IoSliceMut;
use std::ops::Range;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::ScopedJoinHandle;
use std::time::Duration;

use blake3::Hash;
use dllama_net::Mesh;

use super::holdings::Holdings;
use super::manifest::{
    MAX_BATCH, MAX_HASHES_BYTES, decode_hashes, encode_indices, encode_ready, encode_sources,
};
use super::send::runs;
use super::stock::Stock;
use super::tally::{Source, Tally};
use crate::error::Error;
use crate::memory::require_available;
use crate::program::ValidProgram;
use crate::roles::messages::{HASHES, READY, REPAIR, SOURCES};
use crate::weights::{Unit, WeightPlan, Weights, hash_of, n_bytes, units_of};

/// More would not make hashing faster than the networks that such devices have.
const MAX_THREADS: usize = 4;
/// How often the root is told how far reading has come.
const TELL: Duration = Duration::from_millis(250);

/// A transfer to this worker.
pub(crate) struct Receiver<'a> {
    pub(crate) mesh: &'a Mesh,
    pub(crate) program: &'a ValidProgram,
    pub(crate) stock: Stock<'a>,
    pub(crate) n_threads: usize,
}

impl Receiver<'_> {
    /// Fills this rank's memory with its weights. `held` are those of a session before that
    /// [`fit`](Holdings::fit).
    ///
    /// # Errors
    ///
    /// [`Error::Unit`] for bytes that are not what the root's hash says, [`Error::OutOfMemory`] where a local
    /// file is not what it seemed, [`Error::Message`], [`Error::Net`], [`Error::System`].
    pub(crate) fn run(self, held: Option<Holdings>) -> Result<(Holdings, Tally), Error> {
        let units = units_of(self.program)?;
        let (mut weights, held) = match held.and_then(Holdings::into_parts) {
            Some((weights, hashes)) => (weights, hashes),
            None => {
                let file = self.stock.local.map(|local| local.file.clone());
                let weights = Weights::new(WeightPlan::for_worker(self.program)?, file)?;
                (weights, vec![])
            }
        };
        let filled = Filling {
            mesh: self.mesh,
            program: self.program,
            stock: self.stock,
            n_threads: self.n_threads.clamp(1, MAX_THREADS),
            units: &units,
            held: &held,
            weights: &weights,
        }
        .run()?;
        for (index, place) in filled.places {
            match place {
                Some(start) => weights.use_in_file(index, start),
                None => weights.use_own(index),
            }
        }
        let mut tally = Tally::default();
        for (unit, &source) in units.iter().zip(&filled.sources) {
            tally.add(source, unit.n_bytes(self.program));
        }
        let found = (filled.hashes, filled.sources);
        let holdings = Holdings::new(self.program, units, found, weights);
        Ok((holdings, tally))
    }
}

/// Memory while it is filled.
///
/// A unit's bytes are one thread's alone: the receiving one's, until it hands the unit to the others through
/// the channel, and from then on the one's that takes the job. No unit is handed over twice before its first job
/// has ended.
struct Filling<'a> {
    mesh: &'a Mesh,
    program: &'a ValidProgram,
    stock: Stock<'a>,
    n_threads: usize,
    units: &'a [Unit],
    /// Hashes of what is in memory; none for fresh memory.
    held: &'a [Hash],
    weights: &'a Weights,
}

struct Filled {
    hashes: Vec<Hash>,
    sources: Vec<Source>,
    /// For weights that a local file might have: where they are used in it, or that they are not.
    places: Vec<(usize, Option<usize>)>,
}

/// Something to do with a unit of this index and hash.
#[derive(Clone, Copy)]
struct Job {
    unit: usize,
    hash: Hash,
    /// Where its bytes come from; `Missing` for those that have been received and `Held` for none.
    source: Source,
}

/// A job that is done, and whether the bytes have the hash.
type Done = (Job, bool);

impl Filling<'_> {
    fn run(&self) -> Result<Filled, Error> {
        std::thread::scope(|scope| {
            let (jobs, queue) = mpsc::channel();
            let (done, results) = mpsc::channel();
            let queue = Arc::new(Mutex::new(queue));
            let threads = (0..self.n_threads).map(|_| {
                let (queue, done) = (queue.clone(), done.clone());
                scope.spawn(move || {
                    loop {
                        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
                        let Ok(job) = job else { return };
                        let is_good = self.work(&job);
                        // Nobody listens any more where the transfer has failed.
                        let _ = done.send((job, is_good));
                    }
                })
            });
            let work = Work {
                threads: threads.collect(),
                jobs,
                results,
                n_open: 0,
                ready_bytes: 0,
                damaged: vec![],
            };
            self.fill(work)
        })
    }

    fn fill(&self, mut work: Work<'_>) -> Result<Filled, Error> {
        let mut filled = Filled {
            hashes: vec![],
            sources: vec![],
            places: vec![],
        };
        let mut offered = self.offer(&mut work, &mut filled)?;
        while let Some(range) = offered {
            offered = self.offer(&mut work, &mut filled)?;
            let missing = range.filter(|&unit| filled.sources[unit] == Source::Missing);
            self.receive(missing.collect(), &filled, &mut work)?;
        }
        self.settle_places(&mut work, &mut filled);
        self.finish(&mut work)?;
        let mut damaged = std::mem::take(&mut work.damaged);
        damaged.sort_unstable();
        for some in damaged.chunks(MAX_BATCH) {
            self.mesh.send_control(0, REPAIR, &encode_indices(some))?;
            self.receive(some.to_vec(), &filled, &mut work)?;
            for &unit in some {
                filled.sources[unit] = Source::Missing;
            }
        }
        self.finish(&mut work)?;
        Ok(filled)
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
        let sources = self.sources(range.clone(), &hashes)?;
        for (unit, &source) in range.clone().zip(&sources) {
            let hash = hashes[unit - first];
            match source {
                Source::Held => work.ready_bytes += self.n_bytes(unit),
                Source::Cached => work.give(Job { unit, hash, source })?,
                // Whether it is copied at all is seen when all of its weight is known.
                Source::Local | Source::Missing => {}
            }
        }
        let answer = encode_sources(work.ready_bytes, &sources);
        self.mesh.send_control(0, SOURCES, &answer)?;
        filled.hashes.extend(hashes);
        filled.sources.extend(sources);
        Ok(Some(range))
    }

    fn sources(&self, range: Range<usize>, hashes: &[Hash]) -> Result<Vec<Source>, Error> {
        let (program, units) = (self.program, &self.units[range.clone()]);
        let held = |unit: usize, hash: &Hash| {
            let is_held = self.held.get(unit) == Some(hash);
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
        if held.iter().all(Option::is_some) {
            return Ok(held.into_iter().flatten().collect());
        }
        let found = self.stock.find(program, units, hashes, self.n_threads);
        let sources: Vec<_> = held
            .into_iter()
            .zip(found)
            .map(|(held, found)| held.unwrap_or(found))
            .collect();
        if let Some(local) = self.stock.local {
            // Memory for a weight that was expected to stay in the file is not counted yet.
            let in_file = |source: &Source| matches!(source, Source::Local | Source::Held);
            let others = units
                .iter()
                .zip(&sources)
                .filter(|(_, source)| !in_file(source));
            let mut others: Vec<u32> = others.map(|(unit, _)| unit.weight).collect();
            others.dedup();
            for index in others {
                let weight = &program.weights[index as usize];
                if local.may_hold(weight) {
                    let what = "a weight that the local model file has not";
                    require_available(what, n_bytes(weight))?;
                }
            }
        }
        Ok(sources)
    }

    /// Receives units into their places, joined as the root joins them, and has them hashed.
    fn receive(
        &self,
        missing: Vec<usize>,
        filled: &Filled,
        work: &mut Work<'_>,
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
            self.take_results(work)?;
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
                work.ready_bytes += range.map(|unit| self.n_bytes(unit)).sum::<u64>();
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
    fn finish(&self, work: &mut Work<'_>) -> Result<(), Error> {
        while work.n_open > 0 {
            match work.results.recv_timeout(TELL) {
                Ok(done) => self.note(work, done)?,
                Err(RecvTimeoutError::Timeout) => {
                    work.require_threads()?;
                    self.mesh
                        .send_control(0, READY, &encode_ready(work.ready_bytes))?;
                }
                Err(RecvTimeoutError::Disconnected) => work.require_threads()?,
            }
        }
        let ready = encode_ready(work.ready_bytes);
        Ok(self.mesh.send_control(0, READY, &ready)?)
    }

    fn take_results(&self, work: &mut Work<'_>) -> Result<(), Error> {
        while let Ok(done) = work.results.try_recv() {
            self.note(work, done)?;
        }
        Ok(())
    }

    fn note(&self, work: &mut Work<'_>, (job, is_good): Done) -> Result<(), Error> {
        work.n_open -= 1;
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

    /// Does a job. Returns whether the unit's bytes have its hash.
    fn work(&self, job: &Job) -> bool {
        let unit = &self.units[job.unit];
        let is_there = match job.source {
            Source::Missing | Source::Held => true,
            Source::Cached => self.stock.cache.is_some_and(|cache| {
                // SAFETY: the job is this thread's alone.
                let pieces = unsafe { self.pieces_mut(unit) }.into_iter();
                let pieces = pieces.map(IoSliceMut::new).collect();
                cache.read(&job.hash, pieces).is_ok()
            }),
            Source::Local => self.stock.local.is_some_and(|local| {
                let part = unit.in_file(self.program);
                // SAFETY: the job is this thread's alone.
                copy(local.file.pieces(&part), unsafe { self.pieces_mut(unit) });
                true
            }),
        };
        let place = self.weights.own_place(self.program, unit);
        // SAFETY: the job is this thread's alone, and it has done with writing.
        let bytes = place
            .spans()
            .map(|span| unsafe { self.weights.own_bytes(span) });
        let is_good = is_there && hash_of(bytes) == job.hash;
        if let (false, Source::Cached, Some(cache)) = (is_good, job.source, self.stock.cache) {
            cache.remove(&job.hash);
        }
        is_good
    }

    /// The bytes of a unit or a run of units, to write.
    ///
    /// # Safety
    ///
    /// They are this thread's alone while the references live.
    unsafe fn pieces_mut(&self, unit: &Unit) -> Vec<&mut [u8]> {
        let place = self.weights.own_place(self.program, unit);
        let pieces = place.spans().map(|span| {
            // SAFETY: by the caller's promise; spans do not overlap.
            unsafe { self.weights.own_bytes_mut(span) }
        });
        pieces.collect()
    }

    fn n_bytes(&self, unit: usize) -> u64 {
        self.units[unit].n_bytes(self.program) as u64
    }
}

/// What goes on beside the receiving thread.
struct Work<'scope> {
    threads: Vec<ScopedJoinHandle<'scope, ()>>,
    jobs: mpsc::Sender<Job>,
    results: mpsc::Receiver<Done>,
    /// Jobs without a result.
    n_open: usize,
    /// Bytes in place that were not sent.
    ready_bytes: u64,
    /// Units that were not what their hash says where they were read from.
    damaged: Vec<usize>,
}

impl Work<'_> {
    fn give(&mut self, job: Job) -> Result<(), Error> {
        self.n_open += 1;
        // It is refused when all threads have ended.
        self.jobs.send(job).map_err(|_| ended())
    }

    /// # Errors
    ///
    /// [`Error::System`] if a thread has ended before its time: only a panic does that.
    fn require_threads(&self) -> Result<(), Error> {
        match self.threads.iter().any(ScopedJoinHandle::is_finished) {
            true => Err(ended()),
            false => Ok(()),
        }
    }
}

/// Copies as many bytes as both have, wherever either is cut.
fn copy<'a>(from: impl Iterator<Item = &'a [u8]>, into: Vec<&mut [u8]>) {
    let mut into = into.into_iter();
    let mut place: &mut [u8] = &mut [];
    for mut piece in from {
        while !piece.is_empty() {
            if place.is_empty() {
                match into.next() {
                    Some(next) => place = next,
                    None => return,
                }
            }
            let n_bytes = piece.len().min(place.len());
            let (now, later) = place.split_at_mut(n_bytes);
            now.copy_from_slice(&piece[..n_bytes]);
            (piece, place) = (&piece[n_bytes..], later);
        }
    }
}

fn ended() -> Error {
    Error::System(std::io::Error::other("a thread that loads has ended"))
}
