//! Measuring the network: rounds of an all-gather, with the time of each.

use std::time::{Duration, Instant};

use crate::error::Error;
use crate::mesh::Mesh;

impl Mesh {
    /// Has all ranks send `n_bytes` to all others, so many times, and returns how long each round took
    /// this rank. All ranks call it with equal arguments.
    ///
    /// A rank begins a round when it has everything of the one before, so that a round takes as long as
    /// the slowest of its links.
    ///
    /// # Errors
    ///
    /// As [`broadcast`](Self::broadcast).
    pub fn time_all_gather(&self, n_bytes: usize, n_rounds: usize) -> Result<Vec<Duration>, Error> {
        let mine = vec![0; n_bytes];
        let mut all = vec![0; n_bytes * self.world_size()];
        let sizes = vec![n_bytes; self.world_size()];
        let rounds = std::iter::repeat_with(|| {
            let start = Instant::now();
            self.all_gather(&mine, &mut all, &sizes)?;
            Ok(start.elapsed())
        });
        rounds.take(n_rounds).collect()
    }
}
