//! An all-reduce whose pieces are sent as they are finished, while the rest is still computed.
//!
//! What a rank has encoded is posted: the kernel's socket buffers carry it while the thread computes
//! on, and what they do not take waits in the link. Nothing is waited for before the last piece is
//! there. Every value's sum is the one that [`Mesh::all_reduce`] gives, bit for bit.

use std::ops::Range;
use std::sync::{Arc, PoisonError};

use super::scattered::Chunks;
use super::{AllReduce, Scratch, add_up};
use crate::codec::Codec;
use crate::error::Error;
use crate::exchange::{Incoming, Outgoing, Target};
use crate::frame::Kind;
use crate::link::Payload;
use crate::mesh::Mesh;

/// A sum that is under way. All ranks push pieces of the same sizes in the same order, and call nothing
/// else of the mesh until they have finished it.
pub struct Reduction<'a> {
    mesh: &'a Mesh,
    how: AllReduce,
    codec: &'a dyn Codec,
    /// This rank's, as they were pushed.
    pieces: Vec<Piece>,
}

struct Piece {
    n_values: usize,
    encoded: Arc<Vec<u8>>,
}

impl Mesh {
    /// Begins a sum that is pushed piece by piece.
    pub fn begin_all_reduce<'a>(&'a self, how: AllReduce, codec: &'a dyn Codec) -> Reduction<'a> {
        Reduction {
            mesh: self,
            how,
            codec,
            pieces: Vec::new(),
        }
    }
}

impl Reduction<'_> {
    /// Encodes one more piece, given in runs of whole granules, and sends of it what the sockets take at
    /// once. That a peer is gone shows at the end.
    pub fn push<'v>(&mut self, runs: impl Iterator<Item = &'v [f32]>) {
        let mut encoded = Vec::new();
        let mut n_values = 0;
        let n_runs = runs.size_hint().0;
        for run in runs {
            let start = encoded.len();
            if start == 0 {
                // Growing by itself it would take up to twice as much.
                encoded.reserve_exact(n_runs * self.codec.encoded_len(run.len()));
            }
            encoded.resize(start + self.codec.encoded_len(run.len()), 0);
            self.codec.encode(run, &mut encoded[start..]);
            n_values += run.len();
        }
        let encoded = Arc::new(encoded);
        match self.how {
            AllReduce::Direct => self.post(Kind::AllReduce, &encoded, |_| 0..encoded.len()),
            AllReduce::Scattered => {
                let chunks = self.chunks(n_values);
                self.post(Kind::ReduceScatter, &encoded, |peer| chunks.bytes(peer));
            }
        }
        self.pieces.push(Piece { n_values, encoded });
    }

    /// Waits for all ranks' pieces, and calls `add` with the number and the sum of each, in their order.
    ///
    /// # Errors
    ///
    /// As [`Mesh::all_reduce`].
    pub fn finish(self, add: impl FnMut(usize, &[f32])) -> Result<(), Error> {
        let place = &self.mesh.scratch;
        let mut scratch = place.lock().unwrap_or_else(PoisonError::into_inner);
        match self.how {
            AllReduce::Direct => self.finish_direct(&mut scratch, add),
            AllReduce::Scattered => self.finish_scattered(&mut scratch, add),
        }
    }

    fn finish_direct(
        &self,
        Scratch { received, sum, .. }: &mut Scratch,
        mut add: impl FnMut(usize, &[f32]),
    ) -> Result<(), Error> {
        for (index, piece) in self.pieces.iter().enumerate() {
            let n_bytes = piece.encoded.len();
            let sizes = vec![n_bytes; self.mesh.world_size()];
            let is_last = index + 1 == self.pieces.len();
            self.collect(Kind::AllReduce, &piece.encoded, received, &sizes, is_last)?;
            add_up(
                self.codec,
                received.chunks_exact(n_bytes.max(1)),
                piece.n_values,
                sum,
            );
            add(index, sum);
        }
        Ok(())
    }

    fn finish_scattered(
        &self,
        Scratch { received, sum, .. }: &mut Scratch,
        mut add: impl FnMut(usize, &[f32]),
    ) -> Result<(), Error> {
        let own = self.mesh.rank();
        let mut own_sums = Vec::with_capacity(self.pieces.len());
        for piece in &self.pieces {
            let chunks = self.chunks(piece.n_values);
            let mine = &piece.encoded[chunks.bytes(own)];
            let sizes = vec![mine.len(); self.mesh.world_size()];
            self.collect(Kind::ReduceScatter, mine, received, &sizes, false)?;
            let values = chunks.values(own);
            add_up(
                self.codec,
                received.chunks_exact(mine.len().max(1)),
                values.len(),
                sum,
            );
            let mut encoded = vec![0; mine.len()];
            self.codec.encode(sum, &mut encoded);
            let encoded = Arc::new(encoded);
            self.post(Kind::AllGather, &encoded, |_| 0..encoded.len());
            own_sums.push(encoded);
        }
        for (index, (piece, mine)) in self.pieces.iter().zip(&own_sums).enumerate() {
            let chunks = self.chunks(piece.n_values);
            let ranks = 0..self.mesh.world_size();
            let sizes: Vec<_> = ranks.map(|rank| chunks.bytes(rank).len()).collect();
            let is_last = index + 1 == self.pieces.len();
            self.collect(Kind::AllGather, mine, received, &sizes, is_last)?;
            add_up(
                self.codec,
                std::iter::once(&received[..]),
                piece.n_values,
                sum,
            );
            add(index, sum);
        }
        Ok(())
    }

    fn chunks(&self, n_values: usize) -> Chunks<'_> {
        Chunks::new(self.codec, n_values, self.mesh.world_size())
    }

    /// Leaves each peer's part of `bytes` to its link.
    fn post(&self, kind: Kind, bytes: &Arc<Vec<u8>>, part: impl Fn(usize) -> Range<usize>) {
        for peer in self.mesh.peers() {
            let range = part(peer);
            if !range.is_empty() {
                self.mesh.shared.link(peer).post(kind, bytes.clone(), range);
            }
        }
    }

    /// Fills `all` with the parts of all ranks, `mine` among them, while posted frames go out. Waits for
    /// the last of those only if `flush` says so: a peer that has more to send may read them later.
    fn collect(
        &self,
        kind: Kind,
        mine: &[u8],
        all: &mut Vec<u8>,
        sizes: &[usize],
        flush: bool,
    ) -> Result<(), Error> {
        let mesh = self.mesh;
        all.resize(sizes.iter().sum(), 0);
        let mut receives = Vec::with_capacity(sizes.len());
        let mut rest = &mut all[..];
        for (from, &size) in sizes.iter().enumerate() {
            let part;
            (part, rest) = rest.split_at_mut(size);
            if from == mesh.rank() {
                part.copy_from_slice(mine);
            } else if !part.is_empty() {
                let into = Target::Exact(part);
                receives.push(Incoming { from, kind, into });
            }
        }
        let posted = mesh.peers().map(|to| Outgoing {
            to,
            kind,
            tag: 0,
            payload: Payload::Posted { flush },
        });
        mesh.exchange(posted.collect(), receives)
    }
}
