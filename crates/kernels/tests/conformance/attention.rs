//! Attention: against f64, and queries that do not depend on each other.

use dllama_kernels::{
    ATTENTION_BLOCK, AttentionClass, BlockQ80, CacheElement, ColumnsMut, Kernels, QueryRows,
    attention_part_len, f16, merge_attention_parts,
};

use crate::data::Random;
use crate::isas;
use crate::reference::{Exact, ROUNDING};

const CLASSES: [AttentionClass; 2] = [AttentionClass::Few, AttentionClass::Many];

/// A cache type.
trait Cache: Exact + CacheElement {
    const HEAD_DIMS: &[usize];
    fn random(random: &mut Random, n: usize) -> Vec<Self>;
}

impl Cache for f32 {
    const HEAD_DIMS: &[usize] = &[1, 2, 7, 8, 9, 15, 16, 17, 48, 64, 100, 128];
    fn random(random: &mut Random, n: usize) -> Vec<f32> {
        random.floats(n)
    }
}

impl Cache for f16 {
    const HEAD_DIMS: &[usize] = f32::HEAD_DIMS;
    fn random(random: &mut Random, n: usize) -> Vec<f16> {
        random.halves(n)
    }
}

impl Cache for BlockQ80 {
    const HEAD_DIMS: &[usize] = &[32, 64, 96, 128];
    /// Up to 4, as the others.
    fn random(random: &mut Random, n: usize) -> Vec<BlockQ80> {
        let mut blocks = random.q80(n);
        for block in &mut blocks {
            block.scale = f16::from_f32(block.scale.to_f32() / 32.0);
        }
        blocks
    }
}

struct Case<E> {
    head_dim: usize,
    n_heads: usize,
    n_positions: Vec<usize>,
    q: Vec<f32>,
    keys: Vec<E>,
    values: Vec<E>,
    scale: f32,
}

impl<E: Cache> Case<E> {
    fn new(head_dim: usize, n_heads: usize, n_positions: Vec<usize>) -> Self {
        let mut random = Random::new(16);
        let most = n_positions.iter().max().copied().unwrap_or(0);
        let cached = most * head_dim / E::LEN;
        Self {
            q: random.floats(n_positions.len() * n_heads * head_dim),
            keys: E::random(&mut random, cached),
            values: E::random(&mut random, cached),
            scale: 1.0 / (head_dim as f32).sqrt(),
            head_dim,
            n_heads,
            n_positions,
        }
    }

    /// Rows `first..last` of the case by themselves.
    fn run(&self, k: &Kernels, class: AttentionClass, first: usize, last: usize) -> Vec<f32> {
        let width = self.n_heads * self.head_dim;
        let n_positions = &self.n_positions[first..last];
        let most = n_positions.iter().max().copied().unwrap_or(0);
        let cached = most * self.head_dim / E::LEN;
        let rows = QueryRows {
            q: &self.q[first * width..last * width],
            row_stride: width,
            n_heads: self.n_heads,
            head_dim: self.head_dim,
            n_positions,
            scale: self.scale,
        };
        let mut out = vec![f32::NAN; (last - first) * width];
        let window = ColumnsMut::all(&mut out, width);
        k.attention(
            class,
            rows,
            &self.keys[..cached],
            &self.values[..cached],
            window,
        );
        out
    }

    /// The case's only row, over spans of `span` positions.
    fn run_over_spans(&self, k: &Kernels, class: AttentionClass, span: usize) -> Vec<f32> {
        let rows = QueryRows {
            q: &self.q,
            row_stride: self.n_heads * self.head_dim,
            n_heads: self.n_heads,
            head_dim: self.head_dim,
            n_positions: &self.n_positions,
            scale: self.scale,
        };
        let part_len = attention_part_len(self.head_dim);
        let len = span * self.head_dim / E::LEN;
        let spans = self.keys.chunks(len).zip(self.values.chunks(len));
        let parts: Vec<Vec<f32>> = (0..)
            .step_by(span)
            .zip(spans)
            .map(|(first, (keys, values))| {
                let mut part = vec![f32::NAN; self.n_heads * part_len];
                let n_cols = part.len();
                let window = ColumnsMut::all(&mut part, n_cols);
                k.attention_over_span(class, rows, first, keys, values, window);
                part
            })
            .collect();
        let mut out = vec![f32::NAN; self.n_heads * self.head_dim];
        for (head, out) in out.chunks_mut(self.head_dim).enumerate() {
            let of_head = parts
                .iter()
                .map(|part| &part[head * part_len..][..part_len]);
            merge_attention_parts(of_head, out);
        }
        out
    }
}

/// The output, and the sum of the magnitudes of its terms, for each dimension.
fn reference(q: &[f32], keys: &[f64], values: &[f64], scale: f32) -> Vec<(f64, f64)> {
    let score = |key: &[f64]| {
        let products = key.iter().zip(q).map(|(k, &q)| k * f64::from(q));
        (products.sum::<f64>() * f64::from(scale)).exp()
    };
    let weights: Vec<f64> = keys.chunks(q.len()).map(score).collect();
    let sum: f64 = weights.iter().sum();
    let mut out = vec![(0.0, 0.0); q.len()];
    for (weight, value) in weights.iter().zip(values.chunks(q.len())) {
        for (out, value) in out.iter_mut().zip(value) {
            out.0 += weight / sum * value;
            out.1 += weight / sum * value.abs();
        }
    }
    out
}

fn check<E: Cache>() {
    for &head_dim in E::HEAD_DIMS {
        for (n_heads, n_positions) in [
            (1, vec![1]),
            (1, vec![2]),
            (3, vec![31]),
            (1, vec![32]),
            (2, vec![33]),
            (2, vec![200]),
            (1, (60..70).collect()),
            (3, vec![100, 1, 33]),
        ] {
            check_case(&Case::<E>::new(head_dim, n_heads, n_positions));
        }
    }
}

fn check_case<E: Cache>(case: &Case<E>) {
    let wide = |x: &[E]| x.iter().flat_map(Exact::values).collect::<Vec<f64>>();
    let (keys, values) = (wide(&case.keys), wide(&case.values));
    for (k, class) in isas::all()
        .into_iter()
        .flat_map(|k| CLASSES.map(|class| (k, class)))
    {
        let mut outputs = vec![case.run(&k, class, 0, case.n_positions.len())];
        if case.n_positions.len() == 1 {
            let spans = [ATTENTION_BLOCK, 3 * ATTENTION_BLOCK];
            outputs.extend(spans.map(|span| case.run_over_spans(&k, class, span)));
        }
        for out in outputs {
            let what = format!("{} {class:?} head_dim {}", k.isa(), case.head_dim);
            check_output(case, (&keys, &values), &out, &what);
        }
    }
}

fn check_output<E: Cache>(case: &Case<E>, cache: (&[f64], &[f64]), out: &[f32], what: &str) {
    let head_dim = case.head_dim;
    let heads = case.q.chunks(head_dim).zip(out.chunks(head_dim));
    for (index, (q, out)) in heads.enumerate() {
        let n_positions = case.n_positions[index / case.n_heads];
        let cached = n_positions * head_dim;
        let expected = reference(q, &cache.0[..cached], &cache.1[..cached], case.scale);
        // |q . k| * scale is at most 16 * sqrt(head_dim), computed with head_dim + 4
        // roundings; a weight is off by twice that (its own score and the others'), by the differences
        // with the largest score so far, each of which is rounded at twice the largest score, by
        // exp and a factor a block (and a span, of which there are no more), and by the sum over
        // positions; so is the output.
        let largest = 16.0 * (head_dim as f64).sqrt();
        let n_factors = 2.0 * n_positions.div_ceil(ATTENTION_BLOCK) as f64;
        let score_error = (head_dim as f64 + 4.0) * largest + 2.0 * n_factors * largest;
        let roundings = 2.0 * (score_error + 5.0 * n_factors) + 2.0 * n_positions as f64 + 4.0;
        for (&got, (expected, magnitudes)) in out.iter().zip(expected) {
            let error = (f64::from(got) - expected).abs();
            assert!(
                error <= roundings * ROUNDING * magnitudes,
                "{what} n_positions {n_positions}: {got}, expected {expected}",
            );
        }
    }
}

#[test]
fn over_an_f32_cache() {
    check::<f32>();
}

#[test]
fn over_an_f16_cache() {
    check::<f16>();
}

#[test]
fn over_a_q80_cache() {
    check::<BlockQ80>();
}

#[test]
fn a_query_does_not_depend_on_those_beside_it() {
    let case = Case::<f16>::new(48, 3, vec![5, 90, 33, 64, 65, 1, 32]);
    let width = case.n_heads * case.head_dim;
    for (k, class) in isas::all()
        .into_iter()
        .flat_map(|k| CLASSES.map(|class| (k, class)))
    {
        let all = case.run(&k, class, 0, 7);
        for (first, last) in [(0, 1), (1, 2), (2, 5), (5, 7)] {
            let some = case.run(&k, class, first, last);
            let all = &all[first * width..last * width];
            let same = some
                .iter()
                .zip(all)
                .all(|(a, b)| a.to_bits() == b.to_bits());
            assert!(same, "{} {class:?} {first}..{last}", k.isa());
        }
    }
}

/// The largest score may come first or last, and be far from the others.
#[test]
fn scores_far_apart_leave_the_largest() {
    for (k, class) in isas::all()
        .into_iter()
        .flat_map(|k| CLASSES.map(|class| (k, class)))
    {
        for place in [0, 31, 32, 99] {
            let mut keys = vec![-1e30f32; 100];
            keys[place] = 1e30;
            let mut values = vec![7.0f32; 100];
            values[place] = -2.5;
            let rows = QueryRows {
                q: &[1.0],
                row_stride: 1,
                n_heads: 1,
                head_dim: 1,
                n_positions: &[100],
                scale: 1.0,
            };
            let mut out = [f32::NAN];
            k.attention(class, rows, &keys, &values, ColumnsMut::all(&mut out, 1));
            assert_eq!(out, [-2.5], "{} {class:?} {place}", k.isa());
        }
    }
}

#[test]
fn what_is_not_finite_comes_out() {
    for (k, class) in isas::all()
        .into_iter()
        .flat_map(|k| CLASSES.map(|class| (k, class)))
    {
        let mut case = Case::<f32>::new(8, 1, vec![40, 40]);
        case.q[3] = f32::NAN;
        let out = case.run(&k, class, 0, 2);
        assert!(out[..8].iter().all(|x| x.is_nan()), "{} {class:?}", k.isa());
        assert!(
            out[8..].iter().all(|x| x.is_finite()),
            "{} {class:?}",
            k.isa()
        );
    }
}

/// Rows of a prompt's chunk: the last one's key and value are no numbers, and rows before it do not see them.
#[test]
fn what_a_row_does_not_see_does_not_spoil_it() {
    for (k, class) in isas::all()
        .into_iter()
        .flat_map(|k| CLASSES.map(|class| (k, class)))
    {
        // One query a row, and several: lanes of one row, and of many.
        for (head_dim, n_heads) in [(8, 1), (48, 3), (128, 4)] {
            for (first, n_rows) in [(1, 1), (1, 40), (30, 5), (65, 17)] {
                let n_positions: Vec<usize> = (first..=first + n_rows).collect();
                let mut case = Case::<f32>::new(head_dim, n_heads, n_positions);
                let before = case.run(&k, class, 0, n_rows + 1);
                let last = (first + n_rows - 1) * head_dim;
                for broken in [f32::NAN, f32::INFINITY] {
                    case.keys[last..].fill(broken);
                    case.values[last..].fill(broken);
                    let after = case.run(&k, class, 0, n_rows + 1);
                    let own = n_rows * n_heads * head_dim;
                    for (i, (after, before)) in after.iter().zip(&before).enumerate() {
                        if i < own {
                            assert_eq!(after.to_bits(), before.to_bits(), "{} {class:?}", k.isa());
                        } else {
                            assert!(!after.is_finite(), "{} {class:?}", k.isa());
                        }
                    }
                }
            }
        }
    }
}

/// A key that is no number, anywhere in what a row sees, over spans or not.
#[test]
fn a_nan_that_a_row_sees_spoils_all_of_it() {
    for (k, class) in isas::all()
        .into_iter()
        .flat_map(|k| CLASSES.map(|class| (k, class)))
    {
        for place in [0, 31, 32, 70, 99] {
            let mut case = Case::<f32>::new(16, 2, vec![100]);
            let keys = &mut case.keys[place * 16..][..16];
            keys.fill(f32::NAN);
            let whole = case.run(&k, class, 0, 1);
            let over_spans = case.run_over_spans(&k, class, 64);
            let all = whole.iter().chain(&over_spans);
            assert!(all.copied().all(f32::is_nan), "{} {class:?}", k.isa());
            // A value spoils its dimension.
            let mut case = Case::<f32>::new(16, 2, vec![100]);
            case.values[place * 16 + 3] = f32::NAN;
            let spoilt = case.run_over_spans(&k, class, 64);
            assert!(spoilt[3].is_nan() && spoilt[16 + 3].is_nan());
            assert_eq!(spoilt.iter().filter(|x| x.is_nan()).count(), 2);
        }
    }
}

#[test]
#[should_panic(expected = "at least its own position")]
fn no_position_panics() {
    let rows = QueryRows {
        q: &[0.0],
        row_stride: 1,
        n_heads: 1,
        head_dim: 1,
        n_positions: &[0],
        scale: 1.0,
    };
    let mut out = [0.0];
    let out = ColumnsMut::all(&mut out, 1);
    isas::scalar().attention::<f32>(AttentionClass::Few, rows, &[], &[], out);
}
