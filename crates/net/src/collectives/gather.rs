//! Gather: all ranks' parts, of equal size, to one rank.

use crate::error::Error;
use crate::exchange::{Incoming, Outgoing, Target};
use crate::frame::Kind;
use crate::link::Payload;
use crate::mesh::Mesh;

impl Mesh {
    /// After this `all`, on the root, has every rank's `mine` in rank order. Other ranks' `all` is
    /// not used.
    ///
    /// # Errors
    ///
    /// As [`broadcast`](Self::broadcast).
    ///
    /// # Panics
    ///
    /// If there is no rank `root`, or if the root's `all` is not world size times as long as `mine`.
    pub fn gather(&self, root: usize, mine: &[u8], all: &mut [u8]) -> Result<(), Error> {
        assert!(root < self.world_size(), "no rank {root}");
        let kind = Kind::Gather;
        if root != self.rank() {
            let payload = Payload::Bytes(mine);
            return self.exchange(
                vec![Outgoing {
                    to: root,
                    kind,
                    tag: 0,
                    payload,
                }],
                vec![],
            );
        }
        assert_eq!(
            all.len(),
            mine.len() * self.world_size(),
            "parts of equal size"
        );
        let mut receives = Vec::with_capacity(self.world_size());
        let mut rest = all;
        for from in 0..self.world_size() {
            let part;
            (part, rest) = rest.split_at_mut(mine.len());
            if from == root {
                part.copy_from_slice(mine);
            } else {
                let into = Target::Exact(part);
                receives.push(Incoming { from, kind, into });
            }
        }
        self.exchange(vec![], receives)
    }
}
