//! Sums in a fixed order that vector instructions can follow.

/// Partial sums side by side: value `i` goes to lane `i % LANES`. Eight f32 are one
/// AVX register and two NEON ones.
pub(crate) const LANES: usize = 8;

/// Adds the lanes in pairs: ((0 + 4) + (2 + 6)) + ((1 + 5) + (3 + 7)).
#[inline(always)]
pub(crate) fn sum_of(lanes: [f32; LANES]) -> f32 {
    let [a, b, c, d, e, f, g, h] = lanes;
    ((a + e) + (c + g)) + ((b + f) + (d + h))
}

/// Adds `x[i]` to lane `i`; a last piece shorter than the lanes fills only some.
#[inline(always)]
pub(crate) fn add_to(lanes: &mut [f32; LANES], x: &[f32]) {
    for (lane, x) in lanes.iter_mut().zip(x) {
        *lane += x;
    }
}

/// Sum of `f(x)` over a row.
#[inline(always)]
pub(crate) fn sum_map(x: &[f32], f: impl Fn(f32) -> f32) -> f32 {
    let mut lanes = [0.0; LANES];
    let (pieces, rest) = x.as_chunks::<LANES>();
    for piece in pieces {
        add_to(&mut lanes, &piece.map(&f));
    }
    for (lane, &x) in lanes.iter_mut().zip(rest) {
        *lane += f(x);
    }
    sum_of(lanes)
}

/// The largest value of a row, -infinity for an empty one; a NaN is passed over.
#[inline(always)]
pub(crate) fn max_of(x: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let (pieces, rest) = x.as_chunks::<LANES>();
    for piece in pieces {
        for (lane, &x) in lanes.iter_mut().zip(piece) {
            *lane = larger(*lane, x);
        }
    }
    let max = rest
        .iter()
        .fold(f32::NEG_INFINITY, |max, &x| larger(max, x));
    lanes.into_iter().fold(max, larger)
}

/// One `max` instruction, where `f32::max` is several for the sake of NaN.
#[inline(always)]
fn larger(max: f32, x: f32) -> f32 {
    if x > max { x } else { max }
}
