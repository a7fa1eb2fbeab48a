//! A query's scores of one block, as they change its running maximum and sum.

use super::KEYS;
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
