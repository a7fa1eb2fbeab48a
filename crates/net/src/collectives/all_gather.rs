//! All-gather: every rank's part, of any size, to every rank.

use crate::error::Error;
use crate::frame::Kind;
use crate::mesh::Mesh;

impl Mesh {
    /// After this `all` has every rank's `mine` in rank order. `sizes` has the bytes of each rank's
    /// part, which may be 0.
    ///
    /// # Errors
    ///
    /// As [`broadcast`](Self::broadcast).
    ///
    /// # Panics
    ///
    /// If `sizes` does not have an item a rank, or disagrees with `mine` or `all`.
    pub fn all_gather(&self, mine: &[u8], all: &mut [u8], sizes: &[usize]) -> Result<(), Error> {
        assert_eq!(sizes.len(), self.world_size(), "a size a rank");
        assert_eq!(sizes[self.rank()], mine.len(), "this rank's size");
        assert_eq!(sizes.iter().sum::<usize>(), all.len(), "the sizes' sum");
        let mut parts = Vec::with_capacity(sizes.len());
        let mut rest = all;
        for (peer, &size) in sizes.iter().enumerate() {
            let part;
            (part, rest) = rest.split_at_mut(size);
            if peer == self.rank() {
                part.copy_from_slice(mine);
            } else {
                parts.push((peer, part));
            }
        }
        self.swap_one(Kind::AllGather, mine, parts.into_iter())
    }
}
