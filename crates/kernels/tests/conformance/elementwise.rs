//! RMSNorm, RoPE, SwiGLU and adds: against f64, and the same bits under
//! every instruction set.

use dllama_kernels::Kernels;

use crate::data::Random;
use crate::isas;
use crate::reference::{Exact, ROUNDING};

const LENS: [usize; 14] = [0, 1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 64, 100, 4097];

/// Runs `op` under every instruction set on lengths around every edge, compares
/// its result with `expected` within `bound` (a relative error, in roundings), and
/// its bits with those of the portable kernel.
fn check(
    bound: impl Fn(usize) -> f64,
    op: impl Fn(&Kernels, &[f32], &[f32]) -> Vec<f32>,
    expected: impl Fn(&[f64], &[f64]) -> Vec<f64>,
) {
    let mut random = Random::new(13);
    for n in LENS {
        let (a, b) = (random.floats(n + 1), random.floats(n + 1));
        let (a, b) = (&a[1..], &b[1..]); // no vector is aligned
        let wide = |x: &[f32]| x.iter().map(|&x| f64::from(x)).collect::<Vec<f64>>();
        let expected = expected(&wide(a), &wide(b));
        let portable = op(&isas::scalar(), a, b);
        for k in isas::all() {
            let got = op(&k, a, b);
            assert_eq!(got.len(), expected.len());
            for (i, (&got, &expected)) in got.iter().zip(&expected).enumerate() {
                let error = (f64::from(got) - expected).abs();
                let allowed = bound(n) * ROUNDING * expected.abs();
                assert!(
                    error <= allowed,
                    "{} n {n} at {i}: {got}, expected {expected}",
                    k.isa()
                );
            }
            let same = got
                .iter()
                .zip(&portable)
                .all(|(a, b)| a.to_bits() == b.to_bits());
            assert!(
                same,
                "{} n {n}: bits differ from the portable kernel's",
                k.isa()
            );
        }
    }
}

/// The relative error of exp, 2^-22.5, in roundings of 2^-24.
const EXP: f64 = 2.83;

#[test]
fn rms_norm() {
    const EPS: f32 = 1e-5;
    check(
        // A sum of n squares of positive sign, halved by the root, and six roundings.
        |n| n as f64 / 2.0 + 6.0,
        |k, x, weight| {
            let mut out = vec![f32::NAN; x.len()];
            assert!(k.rms_norm(x, weight, EPS, &mut out));
            out
        },
        |x, weight| {
            let mean = x.iter().map(|x| x * x).sum::<f64>() / x.len() as f64;
            let root = (mean + f64::from(EPS)).sqrt();
            x.iter()
                .zip(weight)
                .map(|(x, weight)| x / root * weight)
                .collect()
        },
    );
}

/// Squares that overflow, too: finite values must not become zeros.
#[test]
fn rms_norm_of_what_is_not_finite_is_nan() {
    for k in isas::all() {
        for broken in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 2e19, f32::MIN] {
            for place in 0..19 {
                let mut x = [0.5; 19];
                x[place] = broken;
                let mut out = [0.0; 19];
                assert!(!k.rms_norm(&x, &[1.0; 19], 1e-5, &mut out), "{}", k.isa());
                assert!(out.iter().all(|x| x.is_nan()), "{} {broken}", k.isa());
            }
        }
    }
}

#[test]
fn rms_norm_of_zeros_is_zero() {
    for k in isas::all() {
        let mut out = [f32::NAN; 11];
        assert!(k.rms_norm(&[0.0; 11], &[2.0; 11], 1e-6, &mut out));
        assert_eq!(out, [0.0; 11]);
    }
}

#[test]
fn swiglu() {
    check(
        // exp, then a sum, a quotient and a product; gate is within 4 of zero.
        |_| EXP + 3.0,
        |k, gate, up| {
            let mut out = vec![f32::NAN; gate.len()];
            k.swiglu(gate, up, &mut out);
            out
        },
        |gate, up| {
            let silu = |x: f64| x / (1.0 + (-x).exp());
            gate.iter()
                .zip(up)
                .map(|(gate, up)| silu(*gate) * up)
                .collect()
        },
    );
}

#[test]
fn swiglu_of_large_gates_is_finite() {
    for k in isas::all() {
        let mut out = [f32::NAN; 4];
        k.swiglu(&[-1000.0, -90.0, 90.0, 1000.0], &[1.0; 4], &mut out);
        assert_eq!(out[0], 0.0);
        assert!(out[1].abs() < 1e-35);
        assert_eq!(out[2..], [90.0, 1000.0]);
    }
}

#[test]
fn add_assign() {
    check(
        |_| 1.0,
        |k, x, y| {
            let mut acc = x.to_vec();
            k.add_assign(&mut acc, y);
            acc
        },
        |x, y| x.iter().zip(y).map(|(x, y)| x + y).collect(),
    );
}

#[test]
fn add_q80_rounds_the_product_and_then_the_sum() {
    let mut random = Random::new(14);
    for n in 0..9 {
        let x = &random.q80(n + 1)[1..];
        let before = random.floats(n * 32);
        let values = x.iter().flat_map(Exact::values).map(|value| value as f32);
        let expected: Vec<f32> = before.iter().zip(values).map(|(a, b)| a + b).collect();
        for k in isas::all() {
            let mut acc = before.clone();
            k.add_q80(&mut acc, x);
            assert_eq!(acc, expected, "{}", k.isa());
        }
    }
}

/// Angles of one position, and a row of `n_heads` heads.
fn rope_case(random: &mut Random, n_heads: usize, n_pairs: usize) -> [Vec<f32>; 3] {
    let angles = random.floats(n_pairs);
    let cos = angles.iter().map(|angle| angle.cos()).collect();
    let sin = angles.iter().map(|angle| angle.sin()).collect();
    [random.floats(n_heads * n_pairs * 2), cos, sin]
}

#[test]
fn rope_rotates_its_layouts_pairs() {
    let mut random = Random::new(15);
    for n_pairs in [1, 2, 3, 4, 5, 8, 24, 32, 33, 64] {
        for n_heads in [0, 1, 3] {
            let [x, cos, sin] = rope_case(&mut random, n_heads, n_pairs);
            for k in isas::all() {
                let mut interleaved = x.clone();
                k.rope_interleaved(&mut interleaved, &cos, &sin);
                let mut half_split = x.clone();
                k.rope_half_split(&mut half_split, &cos, &sin);
                for head in 0..n_heads {
                    for i in 0..n_pairs {
                        let head = head * n_pairs * 2;
                        let angle = [cos[i], sin[i]];
                        let places = [head + 2 * i, head + 2 * i + 1];
                        assert_rotated(&x, &interleaved, places, angle);
                        let places = [head + i, head + n_pairs + i];
                        assert_rotated(&x, &half_split, places, angle);
                    }
                }
            }
        }
    }
}

/// Two products and their sum, each rounded once: the same bits everywhere.
fn assert_rotated(before: &[f32], after: &[f32], [i, j]: [usize; 2], [cos, sin]: [f32; 2]) {
    let (a, b) = (before[i], before[j]);
    assert_eq!(after[i].to_bits(), (a * cos - b * sin).to_bits());
    assert_eq!(after[j].to_bits(), (a * sin + b * cos).to_bits());
}
