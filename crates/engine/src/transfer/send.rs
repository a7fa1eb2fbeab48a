//! The root's side of a transfer to one worker.

use std::ops::Range;
use std::sync::mpsc::{self, Receiver, SyncSender};

use blake3::Hash;
use dllama_net::Mesh;

use super::manifest::{
    MAX_ANSWER_BYTES, MAX_BATCH, decode_indices, decode_ready, decode_sources, encode_hashes,
};
use super::tally::{Source, Tally};
use crate::cache::{KeptHashes, UnitKey};
use crate::error::Error;
use crate::program::ValidProgram;
use crate::roles::messages::{HASHES, LOADED, READY, REPAIR, SOURCES};
use crate::weights::{ModelFile, Unit, has_whole_rows, hash_of, units_of};

/// Bytes that are read and hashed before the worker is told of them: while they are sent, the next are
/// read. A second of a network of 100 Mbit/s.
const HASHED_AT_ONCE: usize = 12 << 20;
/// Batches that are hashed ahead of the one that is offered.
const BATCHES_AHEAD: usize = 2;

/// What a transfer has to tell as it goes on.
pub(crate) enum Step {
    /// The worker has units.
    Found(Tally),
    /// Units have been sent.
    Sent(usize),
    /// Units have been sent that the worker had in its cache, damaged.
    Repaired(usize),
    /// Bytes that the worker has in place of those that were not sent.
    Ready(u64),
    /// Bytes of the file that were read to be hashed.
    Hashed(usize),
}

/// A transfer to one worker.
pub(crate) struct Sender<'a> {
    pub(crate) mesh: &'a Mesh,
    /// The worker's.
    pub(crate) rank: usize,
    pub(crate) program: &'a ValidProgram,
    pub(crate) file: &'a ModelFile,
    pub(crate) hashes: &'a KeptHashes,
    pub(crate) tell: &'a (dyn Fn(Step) + Sync),
}

/// Units that follow each other, with their hashes.
type Batch = (Range<usize>, Vec<Hash>);

impl Sender<'_> {
    /// Brings the worker its weights, up to its word that all are there.
    ///
    /// # Errors
    ///
    /// [`Error::Weight`] before anything is sent; [`Error::Message`], [`Error::Net`].
    pub(crate) fn run(&self) -> Result<(), Error> {
        for weight in &self.program.weights {
            self.file.check(weight)?;
        }
        let units = units_of(self.program)?;
        std::thread::scope(|scope| {
            let (hashed, batches) = mpsc::sync_channel(BATCHES_AHEAD);
            scope.spawn(|| self.hash(&units, hashed));
            self.serve(&units, batches)
        })?;
        self.finish(&units)
    }

    /// Offers all units and sends the missing ones.
    fn serve(&self, units: &[Unit], batches: Receiver<Batch>) -> Result<(), Error> {
        let offer = || -> Result<Option<Range<usize>>, Error> {
            // The end of the channel is the end of the units.
            let Ok((range, hashes)) = batches.recv() else {
                return Ok(None);
            };
            self.mesh
                .send_control(self.rank, HASHES, &encode_hashes(&hashes))?;
            Ok(Some(range))
        };
        let mut offered = offer()?;
        while let Some(range) = offered {
            offered = offer()?;
            let sources = self.answer(range.len())?;
            let units = &units[range];
            let mut missing = Vec::new();
            let mut found = Tally::default();
            for (unit, &source) in units.iter().zip(&sources) {
                match source {
                    Source::Missing => missing.push(*unit),
                    _ => found.add(source, unit.n_bytes(self.program)),
                }
            }
            (self.tell)(Step::Found(found));
            self.send(missing, Step::Sent)?;
        }
        Ok(())
    }

    /// Sends what was damaged on the worker's disk, until it has everything.
    fn finish(&self, units: &[Unit]) -> Result<(), Error> {
        // Each of them once at most.
        let mut next = 0;
        loop {
            let (tag, payload) = self.mesh.receive_control(self.rank, MAX_ANSWER_BYTES)?;
            match tag {
                LOADED => return Ok(()),
                READY => (self.tell)(Step::Ready(decode_ready(self.rank, &payload)?)),
                REPAIR => {
                    let indices = decode_indices(self.rank, &payload, units.len())?;
                    if indices[0] < next {
                        return Err(self.unexpected("a repair of units that were not repaired yet"));
                    }
                    next = indices[indices.len() - 1] + 1;
                    let damaged = indices.iter().map(|&index| units[index]).collect();
                    self.send(damaged, Step::Repaired)?;
                }
                _ => return Err(self.unexpected("that the weights are loaded")),
            }
        }
    }

    /// The worker's word about a batch.
    fn answer(&self, n: usize) -> Result<Vec<Source>, Error> {
        let (tag, payload) = self.mesh.receive_control(self.rank, MAX_ANSWER_BYTES)?;
        if tag != SOURCES {
            return Err(self.unexpected("where it has its weights"));
        }
        let (ready_bytes, sources) = decode_sources(self.rank, &payload, n)?;
        (self.tell)(Step::Ready(ready_bytes));
        Ok(sources)
    }

    fn send(&self, units: Vec<Unit>, step: impl Fn(usize) -> Step) -> Result<(), Error> {
        for run in runs(units.into_iter()) {
            let part = run.in_file(self.program);
            self.mesh.send_slice(self.rank, &self.file.slice(&part))?;
            (self.tell)(step(part.n_bytes()));
        }
        Ok(())
    }

    /// Says the hashes of all units in order, of those that are not known after reading them.
    fn hash(&self, units: &[Unit], hashed: SyncSender<Batch>) {
        let mut hashes = Vec::new();
        let (mut first, mut read_bytes) = (0, 0);
        for (index, unit) in units.iter().enumerate() {
            let key = UnitKey::of(self.program, unit);
            hashes.push(self.hashes.get(&key).unwrap_or_else(|| {
                let part = unit.in_file(self.program);
                if unit.first == 0 || part.is_contiguous() {
                    let extent = part.extent();
                    self.file.will_read(extent.start, extent.len());
                }
                let hash = hash_of(self.file.pieces(&part));
                self.hashes.insert(key, hash);
                read_bytes += part.n_bytes();
                (self.tell)(Step::Hashed(part.n_bytes()));
                hash
            }));
            // Columns of one weight go together, so that they arrive as whole rows.
            let may_end = has_whole_rows(unit.weight(self.program))
                || units.get(index + 1).is_none_or(|next| next.first == 0);
            let is_full = hashes.len() == MAX_BATCH || (may_end && read_bytes >= HASHED_AT_ONCE);
            if is_full || index + 1 == units.len() {
                let batch = (first..index + 1, std::mem::take(&mut hashes));
                if hashed.send(batch).is_err() {
                    // The transfer has failed.
                    return;
                }
                (first, read_bytes) = (index + 1, 0);
            }
        }
    }

    fn unexpected(&self, expected: &str) -> Error {
        Error::Message {
            rank: self.rank,
            expected: expected.to_owned(),
            got: "another message".to_owned(),
        }
    }
}

/// Units joined where they follow each other. Both sides join the same.
pub(super) fn runs(units: impl Iterator<Item = Unit>) -> Vec<Unit> {
    let mut runs: Vec<Unit> = Vec::new();
    for unit in units {
        match runs.last_mut().map(|last| (last.joined(unit), last)) {
            Some((Some(joined), last)) => *last = joined,
            _ => runs.push(unit),
        }
    }
    runs
}
