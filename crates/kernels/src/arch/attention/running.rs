//! A query's scores of one block, as they change its running maximum and sum.

use super::{KEYS, LANES};
use crate::arch::scalar::exp::exp;
use crate::arch::scalar::lanes;

/// Makes weights of `scores`, of which the first `n_seen` count, and returns them with the factor that
/// the sums so far are to be multiplied with.
#[inline(always)]
pub(super) fn weigh(
    scores: &mut [f32; KEYS],
    n_seen: usize,
    largest: &mut f32,
    weights: &mut f32,
) -> f32 {
    for (position, score) in scores.iter_mut().enumerate() {
        // Not left out of the loops: whole vectors are faster.
        *score = if position < n_seen {
            *score
        } else {
            f32::NEG_INFINITY
        };
    }
    let now = lanes::max_of(scores);
    let now = if now > *largest { now } else { *largest };
    let factor = exp(*largest - now);
    for score in scores.iter_mut() {
        *score = exp(*score - now);
    }
    *largest = now;
    *weights = *weights * factor + lanes::sum_map(scores, |weight| weight);
    factor
}

/// The same for `LANES` queries side by side: a query a lane, of whose scores the first `n_seen` count.
#[inline(always)]
pub(super) fn weigh_lanes(
    scores: &mut [[f32; LANES]],
    n_seen: &[usize; LANES],
    largest: &mut [f32; LANES],
    weights: &mut [f32; LANES],
) -> [f32; LANES] {
    if n_seen.iter().any(|&n| n < scores.len()) {
        for (position, scores) in scores.iter_mut().enumerate() {
            for (score, &n_seen) in scores.iter_mut().zip(n_seen) {
                if position >= n_seen {
                    *score = f32::NEG_INFINITY;
                }
            }
        }
    }
    let mut now = *largest;
    for scores in scores.iter() {
        for (now, &score) in now.iter_mut().zip(scores) {
            *now = if score > *now { score } else { *now };
        }
    }
    let mut factors = [0.0; LANES];
    for lane in 0..LANES {
        factors[lane] = exp(largest[lane] - now[lane]);
        weights[lane] *= factors[lane];
    }
    for scores in scores.iter_mut() {
        for lane in 0..LANES {
            scores[lane] = exp(scores[lane] - now[lane]);
            weights[lane] += scores[lane];
        }
    }
    *largest = now;
    factors
}
