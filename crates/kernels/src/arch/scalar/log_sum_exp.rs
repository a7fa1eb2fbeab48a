//! log(sum(exp(x / divisor))), in one number per row of logits.

use super::exp::exp;
use super::lanes::{self, LANES};
use crate::not_finite::NotFinite;

/// The sum is in f64: a vocabulary has up to a few hundred thousand terms.
#[inline(always)]
pub(crate) fn log_sum_exp(x: &[f32], divisor: f32) -> Result<f32, NotFinite> {
    if !all_finite(x) {
        let index = x.iter().position(|x| !x.is_finite());
        return index.map_or(Ok(f32::NAN), |index| Err(NotFinite { index }));
    }
    let max = lanes::max_of(x);
    let mut sums = [0f64; LANES];
    for piece in x.chunks(LANES) {
        for (sum, x) in sums.iter_mut().zip(piece) {
            // The difference first: the quotients alone could overflow.
            *sum += f64::from(exp((x - max) / divisor));
        }
    }
    let sum: f64 = sums.iter().sum();
    Ok((f64::from(max) / f64::from(divisor) + sum.ln()) as f32)
}

/// Without an early end, so that it vectorises.
#[inline(always)]
fn all_finite(x: &[f32]) -> bool {
    x.iter().fold(true, |all, x| all & x.is_finite())
}
