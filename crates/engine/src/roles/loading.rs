//! Loading: Programs checked, then weights to all ranks at the same time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use dllama_net::Mesh;

use super::messages::{ACCEPTED, LOADED, PROGRAM, expect};
use crate::error::Error;
use crate::program::ValidProgram;
use crate::weights::{ModelFile, Weights, n_bytes, send};

/// How far loading has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of weights that are ready on their ranks, the root's included.
    pub done_bytes: u64,
    /// Bytes of weights of all ranks.
    pub total_bytes: u64,
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
    mesh: &'a Mesh,
    programs: &'a [ValidProgram],
    texts: &'a [String],
    file: &'a Arc<ModelFile>,
    progress: &'a (dyn Fn(Progress) + Sync),
    done_bytes: AtomicU64,
    total_bytes: u64,
}

impl<'a> Loading<'a> {
    pub(super) fn new(
        mesh: &'a Mesh,
        programs: &'a [ValidProgram],
        texts: &'a [String],
        file: &'a Arc<ModelFile>,
        progress: &'a (dyn Fn(Progress) + Sync),
    ) -> Self {
        let weights = programs.iter().flat_map(|program| &program.weights);
        Self {
            mesh,
            programs,
            texts,
            file,
            progress,
            done_bytes: AtomicU64::new(0),
            total_bytes: weights.filter_map(n_bytes).map(|n| n as u64).sum(),
        }
    }

    /// Loads all ranks. The first error ends all.
    pub(super) fn run(&self) -> Result<Weights, Error> {
        let loaded = |n_bytes| self.advance(n_bytes);
        self.run_with(|| Weights::from_file(&self.programs[0], self.file, &loaded))
    }

    /// Loads the workers of a root that has its own weights already.
    pub(super) fn run_again(&self) -> Result<(), Error> {
        let own = self.programs[0].weights.iter().filter_map(n_bytes);
        self.advance(own.sum());
        self.run_with(|| Ok(()))
    }

    /// A thread for each worker, and the root's `own` part on this one.
    fn run_with<T>(&self, own: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        self.mesh.begin_run();
        let result = std::thread::scope(|scope| {
            let workers: Vec<_> = (1..self.mesh.world_size())
                .map(|rank| scope.spawn(move || self.ended(self.load_worker(rank))))
                .collect();
            let own = self.ended(own());
            let results = workers.into_iter().map(|worker| match worker.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            });
            // Of several errors, that a link was closed follows from another one.
            let mut errors: Vec<_> = results.filter_map(Result::err).collect();
            errors.sort_by_key(|error| matches!(error, Error::Net(dllama_net::Error::Closed)));
            match errors.into_iter().next() {
                Some(error) => own.and(Err(error)),
                None => own,
            }
        });
        self.mesh.end_run();
        result
    }

    fn load_worker(&self, rank: usize) -> Result<(), Error> {
        let mesh = self.mesh;
        mesh.send_control(rank, PROGRAM, self.texts[rank].as_bytes())?;
        expect(mesh, rank, ACCEPTED, "that the program is accepted")?;
        let sent = |n_bytes| self.advance(n_bytes);
        send(mesh, rank, &self.programs[rank], self.file, &sent)?;
        expect(mesh, rank, LOADED, "that the weights are loaded")?;
        Ok(())
    }

    fn advance(&self, n_bytes: usize) {
        let done_bytes = self.done_bytes.fetch_add(n_bytes as u64, Relaxed) + n_bytes as u64;
        (self.progress)(Progress {
            done_bytes,
            total_bytes: self.total_bytes,
        });
    }

    /// Wakes the other threads if this part has failed.
    fn ended<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        if let Err(error) = &result {
            self.mesh.fail(error.code(), &error.to_string());
        }
        result
    }
}
