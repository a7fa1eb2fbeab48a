//! Attention from its parts over spans of positions.

use crate::arch::scalar::exp::exp;

/// What a part has beside its sums: their weight and the largest score.
const PART_EXTRA: usize = 2;

/// Values of a head's part over one span.
pub const fn attention_part_len(head_dim: usize) -> usize {
    head_dim + PART_EXTRA
}

/// `out = softmax(..) . values` of one head, from its parts over all spans that it sees, in their order.
///
/// `parts`: one or more of [`attention_part_len`] values; `out`: (head_dim) f32. The bits are the same under
/// every instruction set; of one part they are those of attention over its positions.
///
/// # Panics
///
/// If there is no part, or one is not as long as `out` asks for.
pub fn merge_attention_parts<'a>(parts: impl Iterator<Item = &'a [f32]> + Clone, out: &mut [f32]) {
    let head_dim = out.len();
    let split = |part: &'a [f32]| {
        let (sums, &[weight, largest]) = part
            .split_last_chunk::<PART_EXTRA>()
            .expect("a part has more than its sums");
        assert_eq!(sums.len(), head_dim, "a part's sums");
        (sums, weight, largest)
    };
    let parts = parts.map(split);
    let largest = parts
        .clone()
        .map(|(_, _, largest)| largest)
        .reduce(|max, x| if x > max { x } else { max })
        .expect("at least one part");
    let mut total = 0.0;
    for (index, (sums, weight, of_part)) in parts.enumerate() {
        let factor = exp(of_part - largest);
        total += weight * factor;
        for (out, sum) in out.iter_mut().zip(sums) {
            // Not 0 + x, which makes 0 of -0.
            *out = if index == 0 {
                sum * factor
            } else {
                *out + sum * factor
            };
        }
    }
    for out in out {
        *out /= total;
    }
}
