//! What all ranks do together: every rank calls the same collective with the same sizes.

mod all_gather;
mod all_reduce;
mod broadcast;
mod gather;
mod timed;

pub(crate) use all_reduce::Scratch;
pub use all_reduce::{AllReduce, Reduction};

use crate::error::Error;
use crate::exchange::{Incoming, Outgoing, Target};
use crate::frame::Kind;
use crate::link::Payload;
use crate::mesh::Mesh;

impl Mesh {
    /// All ranks but this one, in order.
    pub(crate) fn peers(&self) -> impl Iterator<Item = usize> + Clone + use<> {
        let own = self.rank();
        (0..self.world_size()).filter(move |&peer| peer != own)
    }

    /// Sends `mine` to every peer that `parts` has a place for, and receives its part there.
    fn swap_one<'a>(
        &self,
        kind: Kind,
        mine: &[u8],
        parts: impl Iterator<Item = (usize, &'a mut [u8])>,
    ) -> Result<(), Error> {
        self.swap(kind, self.peers().map(|peer| (peer, mine)), parts)
    }

    /// Sends each peer its bytes, and receives each peer's. Nothing is sent where there are none.
    fn swap<'bytes, 'parts>(
        &self,
        kind: Kind,
        bytes: impl Iterator<Item = (usize, &'bytes [u8])>,
        parts: impl Iterator<Item = (usize, &'parts mut [u8])>,
    ) -> Result<(), Error> {
        let mut sends = Vec::with_capacity(self.world_size());
        let mut receives = Vec::with_capacity(self.world_size());
        for (to, bytes) in bytes.filter(|(_, bytes)| !bytes.is_empty()) {
            sends.push(Outgoing {
                to,
                kind,
                tag: 0,
                payload: Payload::Bytes(bytes),
            });
        }
        for (from, part) in parts.filter(|(_, part)| !part.is_empty()) {
            receives.push(Incoming {
                from,
                kind,
                into: Target::Exact(part),
            });
        }
        self.exchange(sends, receives)
    }
}
