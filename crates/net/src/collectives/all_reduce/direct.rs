//! Direct exchange: every rank sends its whole partial to all others.
//!
//! Each rank decodes the partials of all ranks, its own encoded one included, and adds them in rank
//! order, so that the result has the same bits everywhere. With a world of a few ranks and a decode
//! message of some kilobytes this takes one step over the network, where reduce-scatter and
//! all-gather take two.

use super::{Scratch, add_up};
use crate::codec::Codec;
use crate::error::Error;
use crate::frame::Kind;
use crate::mesh::Mesh;

impl Mesh {
    /// One piece of [`all_reduce`](Self::all_reduce), which is not empty.
    pub(super) fn reduce_directly(
        &self,
        codec: &dyn Codec,
        partial: &[f32],
        acc: &mut [f32],
        scratch: &mut Scratch,
    ) -> Result<(), Error> {
        let n_bytes = codec.encoded_len(partial.len());
        let Scratch { received, sum, .. } = scratch;
        // Every rank's encoded partial, in rank order.
        received.resize(n_bytes * self.world_size(), 0);
        let (before, rest) = received.split_at_mut(n_bytes * self.rank());
        let (mine, after) = rest.split_at_mut(n_bytes);
        codec.encode(partial, mine);
        let parts = before
            .chunks_exact_mut(n_bytes)
            .chain(after.chunks_exact_mut(n_bytes));
        self.swap_one(Kind::AllReduce, mine, self.peers().zip(parts))?;
        add_up(codec, received.chunks_exact(n_bytes), acc.len(), sum);
        acc.iter_mut().zip(sum).for_each(|(acc, x)| *acc += *x);
        Ok(())
    }
}
