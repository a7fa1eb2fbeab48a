//! Attention: against f64, and the same bits under every instruction set.

use dllama_kernels::{Kernels, f16};

use crate::data::Random;
use crate::isas;
use crate::reference::{Exact, ROUNDING};

/// A cache type and its kernel.
trait Cache: Exact {
    fn random(random: &mut Random, n: usize) -> Vec<Self>;
    fn run(
        k: &Kernels,
        q: &[f32],
        kv: [&[Self]; 2],
        scale: f32,
        scores: &mut [f32],
        out: &mut [f32],
    );
}

impl Cache for f32 {
    fn random(random: &mut Random, n: usize) -> Vec<f32> {
        random.floats(n)
    }
    fn run(
        k: &Kernels,
        q: &[f32],
        kv: [&[f32]; 2],
        scale: f32,
        scores: &mut [f32],
        out: &mut [f32],
    ) {
        k.attention_f32(q, kv[0], kv[1], scale, scores, out);
    }
}

impl Cache for f16 {
    fn random(random: &mut Random, n: usize) -> Vec<f16> {
        random.halves(n)
    }
    fn run(
        k: &Kernels,
        q: &[f32],
        kv: [&[f16]; 2],
        scale: f32,
        scores: &mut [f32],
        out: &mut [f32],
    ) {
        k.attention_f16(q, kv[0], kv[1], scale, scores, out);
    }
}

/// The output, and the sum of the magnitudes of its terms, for each dimension.
fn reference<E: Cache>(q: &[f32], keys: &[E], values: &[E], scale: f32) -> Vec<(f64, f64)> {
    let row = |row: &[E]| -> Vec<f64> { row.iter().map(|x| x.values()[0]).collect() };
    let score = |key: &[E]| {
        let products = row(key).into_iter().zip(q).map(|(k, &q)| k * f64::from(q));
        (products.sum::<f64>() * f64::from(scale)).exp()
    };
    let weights: Vec<f64> = keys.chunks(q.len()).map(score).collect();
    let sum: f64 = weights.iter().sum();
    let mut out = vec![(0.0, 0.0); q.len()];
    for (weight, value) in weights.iter().zip(values.chunks(q.len())) {
        for (out, value) in out.iter_mut().zip(row(value)) {
            out.0 += weight / sum * value;
            out.1 += weight / sum * value.abs();
        }
    }
    out
}

fn check<E: Cache>() {
    let mut random = Random::new(16);
    for head_dim in [1, 2, 7, 8, 9, 15, 16, 17, 64, 100, 128] {
        for n_positions in [1, 2, 7, 8, 9, 33, 200] {
            let q = &random.floats(head_dim + 1)[1..];
            let keys = &E::random(&mut random, n_positions * head_dim + 1)[1..];
            let values = &E::random(&mut random, n_positions * head_dim + 1)[1..];
            let scale = 1.0 / (head_dim as f32).sqrt();
            let expected = reference(q, keys, values, scale);

            // |q . k| * scale is at most 16 * sqrt(head_dim), computed with
            // head_dim + 3 roundings; a weight is off by twice that (its own score
            // and the others'), by exp and the sum over positions; so is the output.
            let score_error = (head_dim as f64 + 3.0) * 16.0 * (head_dim as f64).sqrt();
            let bound = ROUNDING * (2.0 * (score_error + 3.0) + 2.0 * n_positions as f64 + 4.0);

            let mut portable = None;
            for k in isas::all() {
                let mut scores = vec![f32::NAN; n_positions];
                let mut out = vec![f32::NAN; head_dim];
                E::run(&k, q, [keys, values], scale, &mut scores, &mut out);
                for (&got, &(expected, magnitudes)) in out.iter().zip(&expected) {
                    let error = (f64::from(got) - expected).abs();
                    assert!(
                        error <= bound * magnitudes,
                        "{} head_dim {head_dim} n_positions {n_positions}: {got}, expected {expected}",
                        k.isa(),
                    );
                }
                let weights: f32 = scores.iter().sum();
                assert!((weights - 1.0).abs() < 1e-4, "scores hold the weights");
                let bits: Vec<u32> = out.iter().chain(&scores).map(|x| x.to_bits()).collect();
                assert_eq!(*portable.get_or_insert(bits.clone()), bits, "{}", k.isa());
            }
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
fn one_position_gives_its_value() {
    for k in isas::all() {
        let mut out = [f32::NAN; 3];
        k.attention_f32(
            &[9.0; 3],
            &[1.0; 3],
            &[1.5, -2.5, 3.0],
            1.0,
            &mut [0.0],
            &mut out,
        );
        assert_eq!(out, [1.5, -2.5, 3.0]);
    }
}

#[test]
#[should_panic(expected = "at least its own position")]
fn no_position_panics() {
    isas::scalar().attention_f32(&[0.0], &[], &[], 1.0, &mut [], &mut [0.0]);
}
