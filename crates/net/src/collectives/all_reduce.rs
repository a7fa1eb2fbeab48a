//! All-reduce: the sum of all ranks' partials, with equal bits on all ranks.
//!
//! There are two ways to it, a file each. Both go through a buffer in pieces, which bounds their
//! scratch memory. Values are encoded in granules that do not depend on each other, and every value's
//! sum is taken in rank order, so that no bit depends on where pieces or chunks end.

mod direct;
mod reduction;
mod scattered;

pub use reduction::Reduction;
use std::sync::PoisonError;

use crate::codec::Codec;
use crate::error::Error;
use crate::limits::ALL_REDUCE_PIECE;
use crate::mesh::Mesh;

/// How partials become a sum. The two give different bits: the ranks of a session have to agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AllReduce {
    /// Every rank sends its whole partial to all others: one step over the network.
    Direct,
    /// Reduce-scatter, then all-gather: two steps, with 2 / world size of the bytes.
    Scattered,
}

/// Memory of one piece, kept between calls.
#[derive(Default)]
pub(crate) struct Scratch {
    /// What the peers sent.
    received: Vec<u8>,
    /// What this rank sends.
    encoded: Vec<u8>,
    sum: Vec<f32>,
}

impl Mesh {
    /// Adds the sum of all ranks' `partial` to `acc`. The sum has equal bits on all ranks.
    ///
    /// The sum starts at 0 and takes the decoded partials in rank order; `Scattered` encodes it once
    /// more, and adds what that decodes to. In a world of one rank the partial itself is added, and
    /// nothing is encoded. A value that is NaN or infinite on any rank makes its sum so on all of them.
    ///
    /// # Errors
    ///
    /// As [`broadcast`](Self::broadcast).
    ///
    /// # Panics
    ///
    /// If `partial` and `acc` differ in length, or it is no multiple of the codec's granularity.
    pub fn all_reduce(
        &self,
        how: AllReduce,
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
        let n_wanted = match how {
            AllReduce::Direct => ALL_REDUCE_PIECE,
            // It holds a piece once, and not once a rank.
            AllReduce::Scattered => ALL_REDUCE_PIECE * self.world_size(),
        };
        let n_piece = (n_wanted / granularity).max(1) * granularity;
        let pieces = partial.chunks(n_piece).zip(acc.chunks_mut(n_piece));
        for (partial, acc) in pieces {
            match how {
                AllReduce::Direct => self.reduce_directly(codec, partial, acc, &mut scratch)?,
                AllReduce::Scattered => self.reduce_scattered(codec, partial, acc, &mut scratch)?,
            }
        }
        Ok(())
    }
}

/// Sets `sum` to the sum of `partials`, which are one after another, in their order.
fn add_up<'a>(
    codec: &dyn Codec,
    partials: impl Iterator<Item = &'a [u8]>,
    n_values: usize,
    sum: &mut Vec<f32>,
) {
    sum.clear();
    sum.resize(n_values, 0.0);
    partials.for_each(|partial| codec.add_decoded(partial, sum));
}
