//! Attention in one pass over the keys, a block of positions at a time, with a running maximum and
//! sum (Dao and others, 2022).
//!
//! One source for the vectors of every instruction set. A query's arithmetic does not depend on
//! the queries beside it, and blocks begin at fixed positions.

pub(crate) mod few;
pub(crate) mod many;
mod running;
pub(crate) mod vector;

/// Positions in a block: keys and values of 128 dimensions are then 16 KB each, and fit a first-level
/// cache.
pub(crate) const KEYS: usize = 32;

/// Head dimensions are filled up with zeros to a multiple of this, and many queries stand side by side in groups of
/// as many. The lanes of all vectors divide it.
pub(crate) const LANES: usize = 16;

/// Some positions' keys and values, widened to f32: (KEYS, dim) each.
#[derive(Debug)]
pub(crate) struct Block<'a> {
    /// The position of its first key.
    pub first: usize,
    pub keys: &'a [f32],
    pub values: &'a [f32],
}

/// Queries of one KV head on their way through the blocks. Rows are `dim` long, a multiple of `LANES`. For
/// [`many`] the lists but `sums` are filled up to whole groups of `LANES` queries, with queries of zeros that see
/// one position.
#[derive(Debug, Default)]
pub(crate) struct Queries {
    pub dim: usize,
    /// (n, dim), or for [`many`] (n / LANES, dim, LANES), multiplied with the scale of the scores.
    pub q: Vec<f32>,
    /// Positions that each query sees.
    pub n_positions: Vec<usize>,
    /// (n, dim): values so far, weighted by e^(score - largest).
    pub sums: Vec<f32>,
    /// The largest score so far.
    pub largest: Vec<f32>,
    /// The weights' sum so far.
    pub weights: Vec<f32>,
}

impl Queries {
    /// The rows' length, when all lists and the block are as long as their comments say.
    #[inline(always)]
    fn check(&self, block: &Block<'_>) -> usize {
        let (n, dim) = (self.n_positions.len(), self.dim);
        assert!(dim > 0 && dim.is_multiple_of(LANES));
        assert!(self.q.len() == n * dim && self.sums.len() <= n * dim);
        assert!(self.largest.len() == n && self.weights.len() == n);
        assert!(block.keys.len() == KEYS * dim && block.values.len() == KEYS * dim);
        dim
    }
}
