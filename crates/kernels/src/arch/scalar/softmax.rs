//! Softmax with the maximum subtracted, so that no exponential overflows.

use super::exp::exp;
use super::lanes;

#[inline(always)]
pub(crate) fn softmax(x: &mut [f32]) {
    let max = lanes::max_of(x);
    for x in &mut *x {
        *x = exp(*x - max);
    }
    let sum = lanes::sum_map(x, |x| x);
    for x in x {
        *x /= sum;
    }
}
