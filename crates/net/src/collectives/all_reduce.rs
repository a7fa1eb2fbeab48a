//! All-reduce by direct exchange: every rank sends its partial to all others.
//!
//! Each rank decodes the partials of all ranks, its own encoded one included, and adds them in rank
//! order, so that the result has the same bits everywhere. With a world of a few ranks and a decode
//! message of some kilobytes this takes one step over the network, where reduce-scatter and
//! all-gather take two.

use std::sync::PoisonError;

use crate::codec::Codec;
use crate::error::Error;
use crate::frame::Kind;
use crate::limits::ALL_REDUCE_PIECE;
use crate::mesh::Mesh;

/// Memory of one piece, kept between calls.
#[derive(Default)]
pub(crate) struct Scratch {
    /// Every rank's encoded partial, in rank order.
    encoded: Vec<u8>,
    sum: Vec<f32>,
}

impl Mesh {
    /// Adds the sum of all ranks' `partial` to `acc`. The sum has equal bits on all ranks.
    ///
    /// The sum starts at 0 and takes the decoded partials in rank order. In a world of one rank the
    /// partial itself is added, and nothing is encoded.
    ///
    /// # Errors
    ///
    /// As [`broadcast`](Self::broadcast), and [`Error::NotFinite`], after which the peers still wait
    /// for this rank.
    ///
    /// # Panics
    ///
    /// If `partial` and `acc` differ in length, or it is no multiple of the codec's granularity.
    pub fn all_reduce(
        &self,
        codec: &dyn Codec,
        partial: &[f32],
        acc: &mut [f32],
    ) -> Result<(), Error> {
        let granularity = codec.granularity();
        assert_eq!(partial.len(), acc.len(), "partial and sum have one length");
        assert_eq!(
            partial.len() % granularity,
            0,
            "a multiple of {granularity} values"
        );
        if self.world_size() == 1 {
            acc.iter_mut().zip(partial).for_each(|(acc, x)| *acc += x);
            return Ok(());
        }
        let mut scratch = self.scratch.lock().unwrap_or_else(PoisonError::into_inner);
        let n_piece = (ALL_REDUCE_PIECE / granularity).max(1) * granularity;
        let pieces = partial.chunks(n_piece).zip(acc.chunks_mut(n_piece));
        for (index, (partial, acc)) in pieces.enumerate() {
            let encoded = self.exchange_partials(codec, partial, &mut scratch.encoded);
            encoded.map_err(|error| match error {
                Error::NotFinite { index: within } => Error::NotFinite {
                    index: index * n_piece + within,
                },
                other => other,
            })?;
            scratch.add_sum(codec, self.world_size(), acc);
        }
        Ok(())
    }

    /// Fills `encoded` with every rank's encoded partial.
    fn exchange_partials(
        &self,
        codec: &dyn Codec,
        partial: &[f32],
        encoded: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let n_bytes = codec.encoded_len(partial.len());
        encoded.resize(n_bytes * self.world_size(), 0);
        let (before, rest) = encoded.split_at_mut(n_bytes * self.rank());
        let (mine, after) = rest.split_at_mut(n_bytes);
        codec
            .encode(partial, mine)
            .map_err(|index| Error::NotFinite { index })?;
        let peers = (0..self.world_size()).filter(|&peer| peer != self.rank());
        let parts = before
            .chunks_exact_mut(n_bytes)
            .chain(after.chunks_exact_mut(n_bytes));
        self.swap(Kind::AllReduce, mine, peers.zip(parts))
    }
}

impl Scratch {
    fn add_sum(&mut self, codec: &dyn Codec, world_size: usize, acc: &mut [f32]) {
        self.sum.clear();
        self.sum.resize(acc.len(), 0.0);
        let n_bytes = self.encoded.len() / world_size;
        for partial in self.encoded.chunks_exact(n_bytes) {
            codec.add_decoded(partial, &mut self.sum);
        }
        acc.iter_mut().zip(&self.sum).for_each(|(acc, x)| *acc += x);
    }
}
