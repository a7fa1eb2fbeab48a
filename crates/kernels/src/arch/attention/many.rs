//! A block with many queries: queries in lanes for the scores, so that nothing is added across lanes, and
//! dimensions for the values.

use super::running::weigh_lanes;
use super::vector::Vector;
use super::{Block, KEYS, LANES, Queries};

/// Queries that share a load of values.
const ROWS: usize = 4;

/// Keys whose sums run side by side where one vector holds all queries.
const NARROW: usize = 8;

/// The scores of `LANES` queries, or what became of them.
type Scores = [[f32; LANES]; KEYS];

/// Adds the block to each query that sees it. `N` vectors of queries, a divisor of `LANES`, with `R` keys, a
/// divisor of `KEYS`, are `N * R` sums in registers; so are `ROWS` queries with `D` vectors of values.
///
/// # Safety
///
/// The machine has the instruction set of `V`.
#[inline(always)]
pub(crate) unsafe fn attend<V: Vector, const N: usize, const R: usize, const D: usize>(
    block: &Block<'_>,
    queries: &mut Queries,
) {
    const { assert!(LANES.is_multiple_of(N * V::LANES) && KEYS.is_multiple_of(R)) };
    let dim = queries.check(block);
    let (largest, _) = queries.largest.as_chunks_mut::<LANES>();
    let (weights, _) = queries.weights.as_chunks_mut::<LANES>();
    let (n_positions, _) = queries.n_positions.as_chunks::<LANES>();
    let running = largest.iter_mut().zip(weights).zip(n_positions);
    let q = queries.q.chunks_exact(dim * LANES);
    let sums = queries.sums.chunks_mut(dim * LANES);
    for ((q, sums), ((largest, weights), n_positions)) in q.zip(sums).zip(running) {
        let n_seen = n_positions.map(|n| n.saturating_sub(block.first).min(KEYS));
        let n_keys = n_seen.into_iter().max().unwrap_or(0);
        if n_keys == 0 {
            continue;
        }
        let n_queries = sums.len() / dim;
        let mut scores = [[0.0; LANES]; KEYS];
        // SAFETY: `check` has made sure of the lists' lengths; the rest is the caller's promise.
        unsafe {
            if n_queries > V::LANES {
                for from in (0..n_queries).step_by(N * V::LANES) {
                    multiply::<V, N, R>(q, block.keys, n_keys, from, &mut scores);
                }
            } else {
                multiply::<V, 1, NARROW>(q, block.keys, n_keys, 0, &mut scores);
            }
        }
        let factors = weigh_lanes(&mut scores[..n_keys], &n_seen, largest, weights);
        if meets_unseen_nan(block, &n_seen[..n_queries], n_keys) {
            // SAFETY: the lists' lengths are as below.
            unsafe { add_seen_values::<V>(&scores, &n_seen, &factors, block.values, sums, dim) };
            continue;
        }
        for (first, sums) in (0..LANES).step_by(ROWS).zip(sums.chunks_mut(ROWS * dim)) {
            let factors = &factors[first..][..ROWS];
            let whole = dim - dim % (D * V::LANES);
            for from in (0..whole).step_by(D * V::LANES) {
                // SAFETY: `D` vectors from here are within a row.
                unsafe {
                    add_values::<V, D>(
                        &scores[..n_keys],
                        first,
                        factors,
                        block.values,
                        from,
                        sums,
                        dim,
                    )
                };
            }
            for from in (whole..dim).step_by(V::LANES) {
                // SAFETY: a vector from here is within a row.
                unsafe {
                    add_values::<V, 1>(
                        &scores[..n_keys],
                        first,
                        factors,
                        block.values,
                        from,
                        sums,
                        dim,
                    )
                };
            }
        }
    }
}

/// Whether a value that some query does not see is NaN or infinite: a weight of 0 does not silence it.
#[inline(always)]
fn meets_unseen_nan(block: &Block<'_>, n_seen: &[usize], n_keys: usize) -> bool {
    let least = n_seen.iter().copied().min().unwrap_or(n_keys);
    let dim = block.values.len() / KEYS;
    let unseen = &block.values[least * dim..n_keys * dim];
    !unseen.iter().fold(true, |all, x| all & x.is_finite())
}

/// Adds to each query the values of the keys that it sees, and to do so takes each by itself. The bits are
/// those of [`add_values`] where all are finite.
///
/// # Safety
///
/// As for [`add_values`] with whole rows; `sums` has up to `LANES` rows, and `n_seen` is at most `KEYS`.
#[inline(always)]
unsafe fn add_seen_values<V: Vector>(
    scores: &Scores,
    n_seen: &[usize; LANES],
    factors: &[f32; LANES],
    values: &[f32],
    sums: &mut [f32],
    dim: usize,
) {
    for (lane, sums) in sums.chunks_exact_mut(dim).enumerate() {
        let mut weights = [[0.0; LANES]; KEYS];
        for (weights, scores) in weights.iter_mut().zip(scores) {
            weights[0] = scores[lane];
        }
        let (weights, factor) = (&weights[..n_seen[lane]], &factors[lane..=lane]);
        for from in (0..dim).step_by(V::LANES) {
            // SAFETY: a vector from here is within a row; the rest is the caller's promise.
            unsafe { add_values::<V, 1>(weights, 0, factor, values, from, sums, dim) };
        }
    }
}

/// Scores of `N` vectors of queries from lane `from` on with the first `n_keys` keys (or more).
///
/// # Safety
///
/// The machine has the instruction set of `V`. `q` has a row of `LANES` values for each dimension, the vectors
/// are within a row, and `keys` has `KEYS` rows of as many dimensions.
#[inline(always)]
unsafe fn multiply<V: Vector, const N: usize, const R: usize>(
    q: &[f32],
    keys: &[f32],
    n_keys: usize,
    from: usize,
    scores: &mut Scores,
) {
    let (q, _) = q.as_chunks::<LANES>();
    let keys = keys.chunks_exact(R * q.len());
    let (scores, _) = scores.as_chunks_mut::<R>();
    for (keys, scores) in keys.zip(scores).take(n_keys.div_ceil(R)) {
        // SAFETY: `from` and `N` vectors are within each row, `d` within each key; the rest is the caller's
        // promise.
        unsafe {
            let mut sums = [[V::splat(0.0); N]; R];
            for (d, q) in q.iter().enumerate() {
                let mut now = [V::splat(0.0); N];
                for (n, now) in now.iter_mut().enumerate() {
                    *now = V::load(q.as_ptr().add(from + n * V::LANES));
                }
                for (row, sums) in sums.iter_mut().enumerate() {
                    let key = V::splat(*keys.get_unchecked(row * (keys.len() / R) + d));
                    for (sum, q) in sums.iter_mut().zip(now) {
                        *sum = q.mul_add(key, *sum);
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
}

/// `sums = factor * sums + weights . values` in `D` vectors of dimensions from `from` on, for the queries from
/// lane `first` on: each has a row of `sums` and one of `factors`.
///
/// # Safety
///
/// The machine has the instruction set of `V`. `sums` has 1 to `ROWS` rows and `values` a row for each of
/// `weights`, all of `dim` values, and the vectors are within a row. There are `ROWS` lanes from `first` on.
#[inline(always)]
unsafe fn add_values<V: Vector, const D: usize>(
    weights: &[[f32; LANES]],
    first: usize,
    factors: &[f32],
    values: &[f32],
    from: usize,
    sums: &mut [f32],
    dim: usize,
) {
    // SAFETY: the caller's promise.
    unsafe {
        let mut now = [[V::splat(0.0); D]; ROWS];
        for ((now, sums), factor) in now.iter_mut().zip(sums.chunks_exact(dim)).zip(factors) {
            for (n, now) in now.iter_mut().enumerate() {
                let sum = V::load(sums.as_ptr().add(from + n * V::LANES));
                *now = sum.mul(V::splat(*factor));
            }
        }
        for (weights, row) in weights.iter().zip(values.chunks_exact(dim)) {
            let mut value = [V::splat(0.0); D];
            for (n, value) in value.iter_mut().enumerate() {
                *value = V::load(row.as_ptr().add(from + n * V::LANES));
            }
            for (row, now) in now.iter_mut().enumerate() {
                let weight = V::splat(*weights.get_unchecked(first + row));
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
