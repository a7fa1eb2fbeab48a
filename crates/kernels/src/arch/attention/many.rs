//! A block with many queries, four at once: positions in lanes for the scores, dimensions for the values.

use super::running::weigh;
use super::vector::Vector;
use super::{Block, KEYS, Queries};

/// Queries that share what is loaded.
const ROWS: usize = 4;

/// Adds the block to each query that sees it. `ROWS` times `N` sums, and `N` vectors beside, fill the
/// registers.
///
/// # Safety
///
/// The machine has the instruction set of `V`, and `N` vectors of it divide `KEYS`.
#[inline(always)]
pub(crate) unsafe fn attend<V: Vector, const N: usize>(block: &Block<'_>, queries: &mut Queries) {
    let dim = queries.check(block);
    transpose(block.keys, dim, &mut queries.transposed);
    let n = queries.n_positions.len();
    for first in (0..n).step_by(ROWS) {
        // Where the last are fewer, the last query stands for those that are missing.
        let rows: [usize; ROWS] = core::array::from_fn(|row| (first + row).min(n - 1));
        let n_seen = rows.map(|row| {
            queries.n_positions[row]
                .saturating_sub(block.first)
                .min(KEYS)
        });
        if n_seen == [0; ROWS] {
            continue;
        }
        let q = rows.map(|row| &queries.q[row * dim..][..dim]);
        let mut scores = [[0.0; KEYS]; ROWS];
        for from in (0..KEYS).step_by(N * V::LANES) {
            // SAFETY: `transpose` has made `dim` rows of `KEYS` values; the rest is the caller's promise.
            unsafe { multiply::<V, N>(q, &queries.transposed, from, &mut scores) };
        }
        let mut factors = [1.0; ROWS];
        for (row, &index) in rows.iter().enumerate().take(n - first) {
            let (largest, weights) = (&mut queries.largest[index], &mut queries.weights[index]);
            factors[row] = weigh(&mut scores[row], n_seen[row], largest, weights);
        }
        let sums = &mut queries.sums[first * dim..n.min(first + ROWS) * dim];
        let whole = dim - dim % (N * V::LANES);
        for from in (0..whole).step_by(N * V::LANES) {
            // SAFETY: `N` vectors from here are within a row.
            unsafe { add_values::<V, N>(&scores, factors, block.values, from, sums, dim) };
        }
        for from in (whole..dim).step_by(V::LANES) {
            // SAFETY: a vector from here is within a row.
            unsafe { add_values::<V, 1>(&scores, factors, block.values, from, sums, dim) };
        }
    }
}

#[inline(always)]
fn transpose(keys: &[f32], dim: usize, out: &mut Vec<f32>) {
    out.resize(dim * KEYS, 0.0);
    for (d, out) in out.as_chunks_mut::<KEYS>().0.iter_mut().enumerate() {
        for (out, key) in out.iter_mut().zip(keys.chunks_exact(dim)) {
            *out = key[d];
        }
    }
}

/// Scores of `N` vectors of positions from `from` on.
///
/// # Safety
///
/// The machine has the instruction set of `V`. `keys` has a row of `KEYS` values for each of `q`'s, and
/// the vectors are within a row.
#[inline(always)]
unsafe fn multiply<V: Vector, const N: usize>(
    q: [&[f32]; ROWS],
    keys: &[f32],
    from: usize,
    scores: &mut [[f32; KEYS]; ROWS],
) {
    // SAFETY: the caller's promise.
    unsafe {
        let mut sums = [[V::splat(0.0); N]; ROWS];
        let [a, b, c, d] = q;
        let quads = a.iter().zip(b).zip(c).zip(d);
        for ((((a, b), c), d), keys) in quads.zip(keys.as_chunks::<KEYS>().0) {
            let mut now = [V::splat(0.0); N];
            for (n, now) in now.iter_mut().enumerate() {
                *now = V::load(keys.as_ptr().add(from + n * V::LANES));
            }
            for (sums, q) in sums.iter_mut().zip([a, b, c, d]) {
                let q = V::splat(*q);
                for (sum, key) in sums.iter_mut().zip(now) {
                    *sum = key.mul_add(q, *sum);
                }
            }
        }
        for (scores, sums) in scores.iter_mut().zip(sums) {
            for (n, sum) in sums.into_iter().enumerate() {
                sum.store(scores.as_mut_ptr().add(from + n * V::LANES));
            }
        }
    }
}

/// `sums = factor * sums + weights . values` in `N` vectors of dimensions from `from` on.
///
/// # Safety
///
/// The machine has the instruction set of `V`. `sums` has 1 to `ROWS` rows and `values` `KEYS`, each of
/// `dim` values, and the vectors are within a row.
#[inline(always)]
unsafe fn add_values<V: Vector, const N: usize>(
    weights: &[[f32; KEYS]; ROWS],
    factors: [f32; ROWS],
    values: &[f32],
    from: usize,
    sums: &mut [f32],
    dim: usize,
) {
    // SAFETY: the caller's promise.
    unsafe {
        let mut now = [[V::splat(0.0); N]; ROWS];
        for ((now, sums), factor) in now.iter_mut().zip(sums.chunks_exact(dim)).zip(factors) {
            for (n, now) in now.iter_mut().enumerate() {
                let sum = V::load(sums.as_ptr().add(from + n * V::LANES));
                *now = sum.mul(V::splat(factor));
            }
        }
        let [a, b, c, d] = weights;
        let quads = a.iter().zip(b).zip(c).zip(d);
        for ((((a, b), c), d), row) in quads.zip(values.chunks_exact(dim)) {
            let mut value = [V::splat(0.0); N];
            for (n, value) in value.iter_mut().enumerate() {
                *value = V::load(row.as_ptr().add(from + n * V::LANES));
            }
            for (now, weight) in now.iter_mut().zip([a, b, c, d]) {
                let weight = V::splat(*weight);
                for (now, value) in now.iter_mut().zip(value) {
                    *now = value.mul_add(weight, *now);
                }
            }
        }
        for (now, sums) in now.into_iter().zip(sums.chunks_exact_mut(dim)) {
            for (n, now) in now.into_iter().enumerate() {
                now.store(sums.as_mut_ptr().add(from + n * V::LANES));
            }
        }
    }
}
