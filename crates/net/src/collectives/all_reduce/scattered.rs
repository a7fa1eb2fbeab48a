//! Reduce-scatter, then all-gather: each rank adds up one chunk and sends the others its sum.
//!
//! A piece is cut into a chunk of whole granules for each rank, which may be empty. The owner of a
//! chunk decodes all ranks' partials of it, its own encoded one included, adds them in rank order and
//! encodes the sum. All ranks, the owner included, go on from what those bytes decode to. So the bits
//! are equal everywhere, and each rank sends 2 (n - 1) / n of a partial, where direct exchange sends
//! n - 1 of them (Thakur, Rabenseifner and Gropp 2005, section 4.4).

use std::ops::Range;

use super::{Scratch, add_up};
use crate::codec::Codec;
use crate::error::Error;
use crate::frame::Kind;
use crate::mesh::Mesh;

impl Mesh {
    /// One piece of [`all_reduce`](Self::all_reduce), which is not empty.
    pub(super) fn reduce_scattered(
        &self,
        codec: &dyn Codec,
        partial: &[f32],
        acc: &mut [f32],
        scratch: &mut Scratch,
    ) -> Result<(), Error> {
        let chunks = Chunks::new(codec, partial.len(), self.world_size());
        self.reduce_scatter(codec, &chunks, partial, scratch)?;
        let own = self.rank();
        let sizes: Vec<_> = (0..self.world_size())
            .map(|rank| chunks.bytes(rank).len())
            .collect();
        let Scratch {
            received,
            encoded,
            sum,
        } = scratch;
        let mine = &mut encoded[..sizes[own]];
        codec.encode(sum, mine);
        received.resize(sizes.iter().sum(), 0);
        self.all_gather(mine, received, &sizes)?;
        codec.add_decoded(received, acc);
        Ok(())
    }

    /// Leaves the sum of this rank's chunk in the scratch.
    fn reduce_scatter(
        &self,
        codec: &dyn Codec,
        chunks: &Chunks<'_>,
        partial: &[f32],
        scratch: &mut Scratch,
    ) -> Result<(), Error> {
        let Scratch {
            received,
            encoded,
            sum,
        } = scratch;
        encoded.resize(codec.encoded_len(partial.len()), 0);
        codec.encode(partial, encoded);
        // Every rank's encoded partial of this rank's chunk, in rank order.
        let own = self.rank();
        let n_bytes = chunks.bytes(own).len();
        received.resize(n_bytes * self.world_size(), 0);
        let mut parts = Vec::with_capacity(self.world_size());
        let mut rest = &mut received[..];
        for peer in 0..self.world_size() {
            let part;
            (part, rest) = rest.split_at_mut(n_bytes);
            if peer == own {
                part.copy_from_slice(&encoded[chunks.bytes(own)]);
            } else {
                parts.push((peer, part));
            }
        }
        self.swap(
            Kind::ReduceScatter,
            self.peers()
                .map(|peer| (peer, &encoded[chunks.bytes(peer)])),
            parts.into_iter(),
        )?;
        let n_values = chunks.values(own).len();
        // An empty chunk has no parts to go through.
        add_up(codec, received.chunks_exact(n_bytes.max(1)), n_values, sum);
        Ok(())
    }
}

/// Which values of a piece each rank adds up: as many granules as any other, or one less.
pub(super) struct Chunks<'a> {
    codec: &'a dyn Codec,
    n_granules: usize,
    world_size: usize,
}

impl<'a> Chunks<'a> {
    pub(super) fn new(codec: &'a dyn Codec, n_values: usize, world_size: usize) -> Self {
        Self {
            codec,
            n_granules: n_values / codec.granularity(),
            world_size,
        }
    }

    pub(super) fn values(&self, rank: usize) -> Range<usize> {
        let start = |rank| rank * self.n_granules / self.world_size * self.codec.granularity();
        start(rank)..start(rank + 1)
    }

    pub(super) fn bytes(&self, rank: usize) -> Range<usize> {
        let Range { start, end } = self.values(rank);
        self.codec.encoded_len(start)..self.codec.encoded_len(end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::F32Codec;

    #[test]
    fn chunks_follow_each_other_and_differ_by_one_granule_at_most() {
        for world_size in 1..=9 {
            for n_values in 0..40 {
                let chunks = Chunks::new(&F32Codec, n_values, world_size);
                let mut end = 0;
                for rank in 0..world_size {
                    let values = chunks.values(rank);
                    assert_eq!(values.start, end);
                    end = values.end;
                    let fair = n_values / world_size;
                    assert!((fair..=fair + 1).contains(&values.len()));
                    assert_eq!(chunks.bytes(rank), values.start * 4..values.end * 4);
                }
                assert_eq!(end, n_values);
            }
        }
    }
}
