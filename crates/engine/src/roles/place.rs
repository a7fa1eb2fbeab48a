//! Where the root stands among the ranks: its own rank and its links, in step with the others until an error.

use dllama_net::Mesh;

use crate::error::Error;
use crate::guard::guarded;
use crate::rank::Rank;

/// The root's own rank and its links to the others.
pub(super) struct Place {
    pub(super) mesh: Mesh,
    pub(super) rank: Rank,
    /// The error that has put the ranks out of step: nothing that follows could be right.
    ended_by: Option<String>,
}

impl Place {
    pub(super) fn new(mesh: Mesh, rank: Rank) -> Self {
        Self {
            mesh,
            rank,
            ended_by: None,
        }
    }

    /// Goes on over new links, with empty KV caches.
    pub(super) fn turn_to(&mut self, mesh: Mesh) {
        // First: a panic lets go of the new links, and the workers are free.
        self.rank.clear();
        self.mesh = mesh;
        self.ended_by = None;
    }

    /// Sends a message to all workers and does the root's `part`. `prepare` may still refuse.
    ///
    /// # Errors
    ///
    /// What `prepare` refuses with leaves everything as it was; any other error, and any panic, ends the session.
    pub(super) fn run<P, T>(
        &mut self,
        tag: u8,
        message: &[u8],
        prepare: impl FnOnce(&mut Rank) -> Result<P, Error>,
        part: impl FnOnce(&mut Rank, &Mesh, P) -> Result<T, Error>,
    ) -> Result<T, Error> {
        if let Some(reason) = &self.ended_by {
            let reason = reason.clone();
            return Err(Error::OutOfStep { reason });
        }
        let Self { mesh, rank, .. } = self;
        let prepared = match guarded(|| prepare(rank)) {
            Ok(prepared) => prepared,
            Err(error) => {
                if matches!(error, Error::Panicked { .. }) {
                    self.end(&error);
                }
                return Err(error);
            }
        };
        mesh.begin_run();
        let result = guarded(|| {
            mesh.send_control_to_all(tag, message)?;
            part(rank, mesh, prepared)
        });
        mesh.end_run();
        if let Err(error) = &result {
            self.end(error);
        }
        result
    }

    /// Ends the session of all ranks, unless it has ended.
    fn end(&mut self, error: &Error) {
        self.end_for(error.code(), &error.to_string());
    }

    /// As [`end`](Self::end), for a reason that is no error.
    pub(super) fn end_for(&mut self, code: &str, reason: &str) {
        if self.ended_by.is_none() {
            self.ended_by = Some(reason.to_owned());
            self.mesh.fail(code, reason);
        }
    }
}
