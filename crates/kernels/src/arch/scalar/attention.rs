//! Attention of one query head: scores, softmax, then the weighted sum of values.

use bytemuck::Zeroable;
use half::f16;

use super::lanes::{self, LANES};
use super::softmax::softmax;

pub(crate) fn attention_f16(
    q: &[f32],
    keys: &[f16],
    values: &[f16],
    scale: f32,
    scores: &mut [f32],
    out: &mut [f32],
) {
    let widen = |halves: &[f16; LANES]| halves.map(f16::to_f32_const);
    attention(q, keys, values, scale, scores, out, widen);
}

#[inline(always)]
pub(crate) fn attention_f32(
    q: &[f32],
    keys: &[f32],
    values: &[f32],
    scale: f32,
    scores: &mut [f32],
    out: &mut [f32],
) {
    attention(q, keys, values, scale, scores, out, |floats| *floats);
}

/// The algorithm, for any type of cache that `widen` makes f32 of.
#[inline(always)]
pub(crate) fn attention<E: Copy + Zeroable>(
    q: &[f32],
    keys: &[E],
    values: &[E],
    scale: f32,
    scores: &mut [f32],
    out: &mut [f32],
    widen: impl Fn(&[E; LANES]) -> [f32; LANES],
) {
    let head_dim = q.len();
    for (score, key) in scores.iter_mut().zip(keys.chunks_exact(head_dim)) {
        *score = dot(q, key, &widen) * scale;
    }
    softmax(scores);
    out.fill(0.0);
    for (&score, value) in scores.iter().zip(values.chunks_exact(head_dim)) {
        add_scaled(out, score, value, &widen);
    }
}

#[inline(always)]
fn dot<E: Copy + Zeroable>(
    q: &[f32],
    key: &[E],
    widen: &impl Fn(&[E; LANES]) -> [f32; LANES],
) -> f32 {
    let mut sums = [0.0; LANES];
    let (q_pieces, q_rest) = q.as_chunks::<LANES>();
    let (key_pieces, key_rest) = key.as_chunks::<LANES>();
    for (q, key) in q_pieces.iter().zip(key_pieces) {
        let key = widen(key);
        lanes::add_to(
            &mut sums,
            &core::array::from_fn::<_, LANES, _>(|i| q[i] * key[i]),
        );
    }
    if !q_rest.is_empty() {
        let key = widen(&padded(key_rest));
        let products = q_rest.iter().zip(key).map(|(q, key)| q * key);
        for (sum, product) in sums.iter_mut().zip(products) {
            *sum += product;
        }
    }
    lanes::sum_of(sums)
}

#[inline(always)]
fn add_scaled<E: Copy + Zeroable>(
    out: &mut [f32],
    score: f32,
    value: &[E],
    widen: &impl Fn(&[E; LANES]) -> [f32; LANES],
) {
    let (out_pieces, out_rest) = out.as_chunks_mut::<LANES>();
    let (value_pieces, value_rest) = value.as_chunks::<LANES>();
    for (out, value) in out_pieces.iter_mut().zip(value_pieces) {
        let value = widen(value);
        for (out, value) in out.iter_mut().zip(value) {
            *out += score * value;
        }
    }
    if !out_rest.is_empty() {
        let value = widen(&padded(value_rest));
        for (out, value) in out_rest.iter_mut().zip(value) {
            *out += score * value;
        }
    }
}

/// The rest of a row, filled up with zeros.
#[inline(always)]
fn padded<E: Copy + Zeroable>(rest: &[E]) -> [E; LANES] {
    let mut lanes = [E::zeroed(); LANES];
    lanes[..rest.len()].copy_from_slice(rest);
    lanes
}
