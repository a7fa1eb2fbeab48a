//! RMSNorm of one row.

use super::lanes;

#[inline(always)]
pub(crate) fn rms_norm(x: &[f32], weight: &[f32], eps: f32, out: &mut [f32]) -> bool {
    let sum = lanes::sum_map(x, |x| x * x);
    let mean = sum / x.len() as f32;
    // The inverse of infinity would make zeros of finite values.
    let inverse = if sum.is_finite() {
        1.0 / (mean + eps).sqrt()
    } else {
        f32::NAN
    };
    for ((x, weight), out) in x.iter().zip(weight).zip(out) {
        *out = x * inverse * weight;
    }
    sum.is_finite()
}
