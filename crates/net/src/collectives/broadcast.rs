//! Broadcast: one rank's bytes to all others.

use crate::error::Error;
use crate::exchange::{Incoming, Outgoing, Target};
use crate::frame::Kind;
use crate::link::Payload;
use crate::mesh::Mesh;

impl Mesh {
    /// After this all ranks have the root's `bytes`.
    ///
    /// # Errors
    ///
    /// [`Error::PeerLost`], [`Error::PeerFailed`], [`Error::Protocol`], or [`Error::Closed`] if the
    /// mesh has ended before.
    ///
    /// # Panics
    ///
    /// If there is no rank `root`.
    pub fn broadcast(&self, root: usize, bytes: &mut [u8]) -> Result<(), Error> {
        assert!(root < self.world_size(), "no rank {root}");
        let kind = Kind::Broadcast;
        if root == self.rank() {
            let payload = Payload::Bytes(bytes);
            let peers = (0..self.world_size()).filter(|&to| to != root);
            let sends = peers.map(|to| Outgoing {
                to,
                kind,
                tag: 0,
                payload,
            });
            return self.exchange(sends.collect(), vec![]);
        }
        let into = Target::Exact(bytes);
        self.exchange(
            vec![],
            vec![Incoming {
                from: root,
                kind,
                into,
            }],
        )
    }
}
