//! Where the root stands among the ranks: its own rank and its links, in step with the others until an error.

use dllama_net::Mesh;

use crate::error::Error;
use crate::rank::Rank;

/// The root's own rank and its links to the others.
pub(super) struct Place {
    pub(super) mesh: Mesh,
    pub(super) rank: Rank,
    /// An error has put the ranks out of step: nothing that follows could be right.
    has_ended: bool,
}

impl Place {
    pub(super) fn new(mesh: Mesh, rank: Rank) -> Self {
        Self {
            mesh,
            rank,
            has_ended: false,
        }
    }

    /// Goes on over new links, with empty KV caches.
    pub(super) fn turn_to(&mut self, mesh: Mesh) {
        self.mesh = mesh;
        self.rank.clear();
        self.has_ended = false;
    }

    /// Sends a message to all workers and does the root's `part`. `prepare` may still refuse.
    ///
    /// # Errors
    ///
    /// What `prepare` refuses with leaves everything as it was; any other error ends the session.
    pub(super) fn run<P, T>(
        &mut self,
        tag: u8,
        message: &[u8],
        prepare: impl FnOnce(&mut Rank) -> Result<P, Error>,
        part: impl FnOnce(&mut Rank, &Mesh, P) -> Result<T, Error>,
    ) -> Result<T, Error> {
        if self.has_ended {
            return Err(Error::Ended);
        }
        let Self { mesh, rank, .. } = self;
        let prepared = prepare(rank)?;
        mesh.begin_run();
        let sent = mesh.send_control_to_all(tag, message);
        let result = sent
            .map_err(Error::from)
            .and_then(|()| part(rank, mesh, prepared));
        mesh.end_run();
        if let Err(error) = &result {
            self.end(error.code(), &error.to_string());
        }
        result
    }

    /// Ends the session of all ranks, unless it has ended.
    pub(super) fn end(&mut self, code: &str, message: &str) {
        if !self.has_ended {
            self.has_ended = true;
            self.mesh.fail(code, message);
        }
    }
}
