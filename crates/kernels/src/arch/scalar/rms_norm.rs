//! RMSNorm of one row.

use super::lanes;

#[inline(always)]
pub(crate) fn rms_norm(x: &[f32], weight: &[f32], eps: f32, out: &mut [f32]) {
    let mean = lanes::sum_map(x, |x| x * x) / x.len() as f32;
    let inverse = 1.0 / (mean + eps).sqrt();
    for ((x, weight), out) in x.iter().zip(weight).zip(out) {
        *out = x * inverse * weight;
    }
}
