//! Loading: Programs checked, then weights to all ranks at the same time.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};

use dllama_net::Mesh;

use super::messages::{ACCEPTED, PROGRAM, expect};
use crate::cache::KeptHashes;
use crate::error::{Error, WEIGHTS_DAMAGED};
use crate::guard::guarded;
use crate::program::ValidProgram;
use crate::transfer::{Sender, Step, Tally};
use crate::weights::{ModelFile, Weights, n_bytes};

/// How far loading has come on one rank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Which rank.
    pub rank: usize,
    /// Its address.
    pub address: String,
    /// Bytes of weights that are ready there.
    pub done_bytes: u64,
    /// Bytes of its weights.
    pub total_bytes: u64,
    /// Where they come from, as far as it is known.
    pub tally: Tally,
    /// Bytes of the model file that the root has read for this rank to hash them.
    pub hashed_bytes: u64,
}

/// Reads and checks a Program for each rank.
///
/// # Errors
///
/// [`Error::Mismatch`], [`Error::Program`].
pub(super) fn parse(texts: &[String], world_size: usize) -> Result<Vec<ValidProgram>, Error> {
    if texts.len() != world_size {
        return Err(Error::Mismatch {
            what: "programs",
            expected: format!("one for each of {world_size} ranks"),
            got: texts.len().to_string(),
        });
    }
    let parsed = texts.iter().enumerate().map(|(rank, text)| {
        let program = ValidProgram::parse(text.as_bytes())
            .map_err(|source| Error::Program { rank, source })?;
        program.require_place(rank, world_size)?;
        Ok(program)
    });
    parsed.collect()
}

/// The loading of all ranks at the same time.
pub(super) struct Loading<'a> {
    pub(super) mesh: &'a Mesh,
    pub(super) programs: &'a [ValidProgram],
    /// The Programs as they are sent.
    pub(super) texts: &'a [String],
    pub(super) file: &'a Arc<ModelFile>,
    /// Of the file's units.
    pub(super) hashes: &'a KeptHashes,
    pub(super) progress: &'a (dyn Fn(Progress) + Sync),
}

impl Loading<'_> {
    /// Loads all ranks. The first error ends all.
    pub(super) fn run(&self) -> Result<Weights, Error> {
        self.run_with(|stopped| self.load_own(stopped))
    }

    /// Loads the workers of a root that has its own weights already.
    pub(super) fn run_again(&self) -> Result<(), Error> {
        self.account(0).change(|progress| {
            progress.done_bytes = progress.total_bytes;
            progress.tally.held_bytes = progress.total_bytes;
        });
        self.run_with(|_| Ok(()))
    }

    /// A thread for each worker, and the root's `own` part on this one.
    fn run_with<T>(&self, own: impl FnOnce(&AtomicBool) -> Result<T, Error>) -> Result<T, Error> {
        let stopped = &AtomicBool::new(false);
        self.mesh.begin_run();
        let result = std::thread::scope(|scope| {
            let workers: Vec<_> = (1..self.mesh.world_size())
                .map(|rank| {
                    scope.spawn(move || self.ended(stopped, guarded(|| self.load_worker(rank))))
                })
                .collect();
            let own = self.ended(stopped, guarded(|| own(stopped)));
            let results = workers.into_iter().map(|worker| match worker.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            });
            // Of several errors, that a link was closed follows from another one.
            let errors: Vec<_> = results.filter_map(Result::err).collect();
            let (loaded, own_error) = match own {
                Ok(loaded) => (Some(loaded), None),
                Err(error) => (None, Some(error)),
            };
            let mut errors: Vec<_> = own_error.into_iter().chain(errors).collect();
            errors.sort_by_key(|error| matches!(error, Error::Net(dllama_net::Error::Closed)));
            match errors.into_iter().next() {
                Some(error) => Err(error),
                None => loaded.ok_or(Error::Ended),
            }
        });
        self.mesh.end_run();
        match &result {
            Err(error) if is_damage(error) => self.hashes.forget(),
            _ => self.hashes.keep(self.file),
        }
        result
    }

    /// Goes on until another part has failed: a worker that refuses is not told of minutes later.
    fn load_own(&self, stopped: &AtomicBool) -> Result<Weights, Error> {
        let account = self.account(0);
        let loaded = |n_bytes| {
            account.change(|progress| {
                progress.done_bytes += n_bytes as u64;
                progress.tally.local_bytes += n_bytes as u64;
            });
            match stopped.load(SeqCst) {
                true => Err(dllama_net::Error::Closed.into()),
                false => Ok(()),
            }
        };
        Weights::from_file(&self.programs[0], self.file, &loaded)
    }

    fn load_worker(&self, rank: usize) -> Result<(), Error> {
        let mesh = self.mesh;
        mesh.send_control(rank, PROGRAM, self.texts[rank].as_bytes())?;
        expect(mesh, rank, ACCEPTED, "that the program is accepted")?;
        let account = self.account(rank);
        let sender = Sender {
            mesh,
            rank,
            program: &self.programs[rank],
            file: self.file,
            hashes: self.hashes,
            tell: &|step| account.note(&step),
        };
        sender.run()?;
        account.change(|progress| progress.done_bytes = progress.total_bytes);
        Ok(())
    }

    fn account(&self, rank: usize) -> Account<'_> {
        let weights = self.programs[rank].weights.iter();
        Account {
            tell: self.progress,
            progress: Mutex::new(Progress {
                rank,
                address: self.mesh.address(rank).to_owned(),
                done_bytes: 0,
                total_bytes: weights.filter_map(n_bytes).map(|n| n as u64).sum(),
                tally: Tally::default(),
                hashed_bytes: 0,
            }),
        }
    }

    /// Wakes the other threads if this part is the first that has failed.
    fn ended<T>(&self, stopped: &AtomicBool, result: Result<T, Error>) -> Result<T, Error> {
        if let Err(error) = &result
            && !stopped.swap(true, SeqCst)
        {
            self.mesh.fail(error.code(), &error.to_string());
        }
        result
    }
}

/// Whether a rank got other bytes than the root's hashes say.
fn is_damage(error: &Error) -> bool {
    match error {
        Error::Net(dllama_net::Error::PeerFailed { code, .. }) => code == WEIGHTS_DAMAGED,
        other => other.code() == WEIGHTS_DAMAGED,
    }
}

/// The progress of one rank, told as it changes.
struct Account<'a> {
    progress: Mutex<Progress>,
    tell: &'a (dyn Fn(Progress) + Sync),
}

impl Account<'_> {
    fn note(&self, step: &Step) {
        match *step {
            // It does not bring anything nearer: it is told with the next step that does.
            Step::Hashed(n_bytes) => self.lock().hashed_bytes += n_bytes as u64,
            Step::Found(ref tally) => self.change(|progress| progress.tally.add_all(tally)),
            Step::Sent(n_bytes) => self.change(|progress| {
                progress.tally.sent_bytes += n_bytes as u64;
                progress.done_bytes += n_bytes as u64;
            }),
            Step::Repaired(n_bytes) => self.change(|progress| {
                let n_bytes = n_bytes as u64;
                let tally = &mut progress.tally;
                tally.sent_bytes += n_bytes;
                // Nearly always of the cache: a local file's hashes are kept by its identity.
                let of_cache = n_bytes.min(tally.cached_bytes);
                tally.cached_bytes -= of_cache;
                tally.local_bytes = tally.local_bytes.saturating_sub(n_bytes - of_cache);
                progress.done_bytes += n_bytes;
            }),
            // What a worker says may be anything.
            Step::Ready(n_bytes) => self.change(|progress| {
                let done_bytes = progress.tally.sent_bytes.saturating_add(n_bytes);
                progress.done_bytes = done_bytes.min(progress.total_bytes);
            }),
        }
    }

    fn change(&self, change: impl FnOnce(&mut Progress)) {
        let progress = {
            let mut progress = self.lock();
            let before = progress.clone();
            change(&mut progress);
            (*progress != before).then(|| progress.clone())
        };
        if let Some(progress) = progress {
            (self.tell)(progress);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
