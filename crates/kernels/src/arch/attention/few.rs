//! A block with one query after the other: dimensions in lanes.

use super::running::weigh;
use super::vector::Vector;
use super::{Block, KEYS, LANES, Queries};

/// Keys whose sums run side by side.
const SIDE_BY_SIDE: usize = 4;

/// Adds the block to each query that sees it. Values are added in `N` vectors at a time, whose sums stay in
/// registers.
///
/// # Safety
///
/// The machine has the instruction set of `V`.
#[inline(always)]
pub(crate) unsafe fn attend<V: Vector, const N: usize>(block: &Block<'_>, queries: &mut Queries) {
    const { assert!(LANES.is_multiple_of(V::LANES)) };
    let dim = queries.check(block);
    for (index, &n_positions) in queries.n_positions.iter().enumerate() {
        let n_seen = n_positions.saturating_sub(block.first).min(KEYS);
        if n_seen == 0 {
            continue;
        }
        let q = &queries.q[index * dim..][..dim];
        let sums = &mut queries.sums[index * dim..][..dim];
        let mut scores = [0.0; KEYS];
        // SAFETY: `check` has made sure of the rows' lengths, multiples of `LANES`; the rest is the caller's promise.
        unsafe { multiply::<V>(q, block.keys, &mut scores) };
        let (largest, weights) = (&mut queries.largest[index], &mut queries.weights[index]);
        let factor = weigh(&mut scores, n_seen, largest, weights);
        // A key that is not seen is no term: its value may be NaN, which a weight of 0 does not silence.
        let weights = &scores[..n_seen];
        let whole = dim - dim % (N * V::LANES);
        for from in (0..whole).step_by(N * V::LANES) {
            // SAFETY: `N` vectors from here are within a row.
            unsafe { add_values::<V, N>(sums, factor, weights, block.values, from) };
        }
        for from in (whole..dim).step_by(V::LANES) {
            // SAFETY: a vector from here is within a row.
            unsafe { add_values::<V, 1>(sums, factor, weights, block.values, from) };
        }
    }
}

/// The products of `q` with each of `keys`' `KEYS` rows.
///
/// # Safety
///
/// The machine has the instruction set of `V`, whose lanes divide `q`'s length. Each of `keys` is as long as `q`.
#[inline(always)]
unsafe fn multiply<V: Vector>(q: &[f32], keys: &[f32], scores: &mut [f32; KEYS]) {
    let dim = q.len();
    let some_keys = keys.chunks_exact(SIDE_BY_SIDE * dim);
    for (scores, keys) in scores
        .as_chunks_mut::<SIDE_BY_SIDE>()
        .0
        .iter_mut()
        .zip(some_keys)
    {
        // SAFETY: a vector from `d` on is within a row, and there are SIDE_BY_SIDE rows.
        unsafe {
            let mut sums = [V::splat(0.0); SIDE_BY_SIDE];
            for d in (0..dim).step_by(V::LANES) {
                let q = V::load(q.as_ptr().add(d));
                for (row, sum) in sums.iter_mut().enumerate() {
                    *sum = V::load(keys.as_ptr().add(row * dim + d)).mul_add(q, *sum);
                }
            }
            *scores = sums.map(|sum| sum.sum());
        }
    }
}

/// `sums = factor * sums + weights . values`, `N` vectors of dimensions from `from` on.
///
/// # Safety
///
/// The machine has the instruction set of `V`. The vectors are within `sums`, and `values` has a row of its
/// length for each of `weights`.
#[inline(always)]
unsafe fn add_values<V: Vector, const N: usize>(
    sums: &mut [f32],
    factor: f32,
    weights: &[f32],
    values: &[f32],
    from: usize,
) {
    let dim = sums.len();
    let place = |n: usize| from + n * V::LANES;
    // SAFETY: the caller's promise.
    unsafe {
        let mut now = [V::splat(0.0); N];
        for (n, now) in now.iter_mut().enumerate() {
            *now = V::load(sums.as_ptr().add(place(n))).mul(V::splat(factor));
        }
        for (position, &weight) in weights.iter().enumerate() {
            let (weight, row) = (V::splat(weight), values.as_ptr().add(position * dim));
            for (n, now) in now.iter_mut().enumerate() {
                *now = V::load(row.add(place(n))).mul_add(weight, *now);
            }
        }
        for (n, now) in now.into_iter().enumerate() {
            now.store(sums.as_mut_ptr().add(place(n)));
        }
    }
}
