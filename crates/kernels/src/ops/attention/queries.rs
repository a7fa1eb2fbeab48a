//! Queries on their way into a call, and what became of them on their way out.

use super::{AttentionClass, QueryRows, attention_part_len};
use crate::arch::attention::{LANES, Queries};
use crate::columns::ColumnsMut;

/// Copies the queries, scaled and filled up, and clears the sums.
pub(super) fn gather(rows: &QueryRows<'_>, class: AttentionClass, queries: &mut Queries) {
    let dim = rows.head_dim.next_multiple_of(LANES);
    let n = rows.n_positions.len() * rows.n_heads;
    let n_places = match class {
        AttentionClass::Few => n,
        AttentionClass::Many => n.next_multiple_of(LANES),
    };
    queries.dim = dim;
    fill(&mut queries.q, n_places * dim, 0.0);
    fill(&mut queries.sums, n * dim, 0.0);
    fill(&mut queries.largest, n_places, f32::NEG_INFINITY);
    fill(&mut queries.weights, n_places, 0.0);
    fill(&mut queries.n_positions, n_places, 1);
    for (row, &n_positions) in rows.n_positions.iter().enumerate() {
        let heads = &rows.q[row * rows.row_stride..][..rows.n_heads * rows.head_dim];
        for (head, from) in heads.chunks_exact(rows.head_dim).enumerate() {
            let place = row * rows.n_heads + head;
            queries.n_positions[place] = n_positions;
            let (first, step) = match class {
                AttentionClass::Few => (place * dim, 1),
                AttentionClass::Many => (place / LANES * LANES * dim + place % LANES, LANES),
            };
            let to = queries.q[first..].iter_mut().step_by(step);
            for (to, value) in to.zip(from) {
                *to = value * rows.scale;
            }
        }
    }
}

/// Makes `list` `n` times `value`.
fn fill<V: Copy>(list: &mut Vec<V>, n: usize, value: V) {
    list.clear();
    list.resize(n, value);
}

/// Divides the sums by the weights.
pub(super) fn scatter(rows: &QueryRows<'_>, queries: &Queries, out: &mut ColumnsMut<'_>) {
    let mut from = queries.sums.chunks_exact(queries.dim).zip(&queries.weights);
    for row in 0..rows.n_positions.len() {
        let heads = out.row_mut(row).chunks_exact_mut(rows.head_dim);
        for (head, (sums, weights)) in heads.zip(&mut from) {
            for (to, sum) in head.iter_mut().zip(sums) {
                *to = sum / weights;
            }
        }
    }
}

/// Writes each query's part of a softmax: its sums, their weight and the largest score.
pub(super) fn scatter_parts(rows: &QueryRows<'_>, queries: &Queries, out: &mut ColumnsMut<'_>) {
    let sums = queries.sums.chunks_exact(queries.dim);
    let mut from = sums.zip(&queries.weights).zip(&queries.largest);
    for row in 0..rows.n_positions.len() {
        let parts = out
            .row_mut(row)
            .chunks_exact_mut(attention_part_len(rows.head_dim));
        for (part, ((sums, weight), largest)) in parts.zip(&mut from) {
            let (to, rest) = part.split_at_mut(rows.head_dim);
            to.copy_from_slice(&sums[..rows.head_dim]);
            rest.copy_from_slice(&[*weight, *largest]);
        }
    }
}
