//! What all ranks do together: every rank calls the same collective with the same sizes.

mod all_gather;
mod all_reduce;
mod broadcast;
mod gather;

pub(crate) use all_reduce::Scratch;

use crate::error::Error;
use crate::exchange::{Incoming, Outgoing, Target};
use crate::frame::Kind;
use crate::link::Payload;
use crate::mesh::Mesh;

impl Mesh {
    /// Sends `mine` to every peer that `parts` has a place for, and receives its part there.
    fn swap<'a>(
        &self,
        kind: Kind,
        mine: &[u8],
        parts: impl Iterator<Item = (usize, &'a mut [u8])>,
    ) -> Result<(), Error> {
        let mut sends = Vec::with_capacity(self.world_size());
        let mut receives = Vec::with_capacity(self.world_size());
        for (peer, part) in parts {
            sends.push(Outgoing {
                to: peer,
                kind,
                tag: 0,
                payload: Payload::Bytes(mine),
            });
            receives.push(Incoming {
                from: peer,
                kind,
                into: Target::Exact(part),
            });
        }
        self.exchange(sends, receives)
    }
}
