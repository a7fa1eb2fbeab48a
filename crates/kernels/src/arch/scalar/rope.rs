//! Rotation of pairs. Each product is rounded before the sum: no fused operation.

#[inline(always)]
pub(crate) fn rope_interleaved(x: &mut [f32], cos: &[f32], sin: &[f32]) {
    for head in x.chunks_exact_mut(2 * cos.len()) {
        let (pairs, _) = head.as_chunks_mut::<2>();
        for ((pair, &cos), &sin) in pairs.iter_mut().zip(cos).zip(sin) {
            *pair = rotate(*pair, cos, sin);
        }
    }
}

#[inline(always)]
pub(crate) fn rope_half_split(x: &mut [f32], cos: &[f32], sin: &[f32]) {
    for head in x.chunks_exact_mut(2 * cos.len()) {
        let (firsts, seconds) = head.split_at_mut(cos.len());
        let pairs = firsts.iter_mut().zip(seconds);
        for (((a, b), &cos), &sin) in pairs.zip(cos).zip(sin) {
            [*a, *b] = rotate([*a, *b], cos, sin);
        }
    }
}

#[inline(always)]
fn rotate([a, b]: [f32; 2], cos: f32, sin: f32) -> [f32; 2] {
    [a * cos - b * sin, a * sin + b * cos]
}
