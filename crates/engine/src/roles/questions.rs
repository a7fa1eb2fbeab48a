//! What a root asks of all ranks beside forwards.

use super::messages::{DIGEST, FULL_ROW, TIMES, expect};
use super::root::Root;
use crate::error::Error;
use crate::ops::candidates;
use crate::rank::{Digest, RankTimes};

impl Root {
    /// All logits of wanted row `index` of the last forward, which has a result.
    ///
    /// # Errors
    ///
    /// As [`forward`](Self::forward).
    pub fn full_row(&self, index: u32) -> Result<Vec<f32>, Error> {
        let row = self.place().run(
            FULL_ROW,
            &index.to_le_bytes(),
            |rank| rank.check_wanted(index as usize),
            |rank, mesh, index| {
                let row = candidates::gather_row(rank, mesh, index)?;
                row.map(|row| candidates::require_finite(rank, row))
                    .transpose()
            },
        )?;
        row.ok_or(Error::Ended)
    }

    /// Fingerprints of all ranks' state, in rank order.
    ///
    /// # Errors
    ///
    /// As [`forward`](Self::forward).
    pub fn digests(&self) -> Result<Vec<Digest>, Error> {
        self.place().run(
            DIGEST,
            &[],
            |rank| Ok(rank.digest()),
            |_, mesh, own| {
                let workers = 1..mesh.world_size();
                let theirs = workers.map(|rank| {
                    let bytes = expect(mesh, rank, DIGEST, "a digest")?;
                    Digest::decode(&bytes).ok_or_else(|| Error::Message {
                        rank,
                        expected: "a digest of 16 bytes".to_owned(),
                        got: format!("{} bytes", bytes.len()),
                    })
                });
                std::iter::once(Ok(own)).chain(theirs).collect()
            },
        )
    }

    /// Where the time of each rank went since this was asked the last time, in rank order.
    ///
    /// # Errors
    ///
    /// As [`forward`](Self::forward).
    pub fn rank_times(&self) -> Result<Vec<RankTimes>, Error> {
        self.place().run(
            TIMES,
            &[],
            |rank| Ok(rank.times.take()),
            |_, mesh, own| {
                let workers = 1..mesh.world_size();
                let theirs = workers.map(|rank| RankTimes::receive(mesh, rank));
                std::iter::once(Ok(own)).chain(theirs).collect()
            },
        )
    }
}
