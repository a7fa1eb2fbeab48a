//! The best candidates and the log-sum-exp.

use dllama_kernels::{Candidate, Kernels, NotFinite};

use crate::data::Random;
use crate::isas;

fn top(k: &Kernels, logits: &[f32], n: usize, temperature: f32) -> (Vec<Candidate>, f32) {
    let mut out = vec![Candidate {
        index: 7,
        logit: 7.0,
    }]; // left from a call before
    let log_sum_exp = k.top_candidates(logits, n, temperature, &mut out).unwrap();
    (out, log_sum_exp)
}

/// A sort that keeps the order of equals.
fn sorted(logits: &[f32], n: usize) -> Vec<Candidate> {
    let mut all: Vec<Candidate> = (0u32..)
        .zip(logits)
        .map(|(index, &logit)| Candidate { index, logit })
        .collect();
    all.sort_by(|a, b| b.logit.partial_cmp(&a.logit).unwrap());
    all.truncate(n);
    all
}

#[test]
fn are_those_of_a_stable_sort() {
    let mut random = Random::new(17);
    for n in [1, 2, 7, 8, 9, 63, 64, 65, 1000] {
        let spread = random.floats(n);
        let tied: Vec<f32> = spread.iter().map(|x| x.round()).collect();
        let mut rising = spread.clone();
        rising.sort_by(f32::total_cmp);
        for logits in [spread, tied, rising, vec![0.0; n], [-0.0, 0.0].repeat(n)] {
            for kernels in isas::all() {
                for k in [0, 1, 2, 8, 64, 5000] {
                    let (got, _) = top(&kernels, &logits, k, 0.8);
                    assert_eq!(got, sorted(&logits, k), "{}", kernels.isa());
                }
            }
        }
    }
}

#[test]
fn log_sum_exp_is_that_of_all_logits_over_the_temperature() {
    let mut random = Random::new(18);
    for n in [1, 2, 7, 8, 9, 1000, 32_000] {
        let logits = random.floats(n);
        for temperature in [0.0, 0.1, 0.8, 1.0, 50.0] {
            let divisor = if temperature == 0.0 {
                1.0
            } else {
                f64::from(temperature)
            };
            let sum: f64 = logits.iter().map(|&x| (f64::from(x) / divisor).exp()).sum();
            let portable = top(&isas::scalar(), &logits, 3, temperature).1;
            for k in isas::all() {
                let (_, got) = top(&k, &logits, 3, temperature);
                // The exponents, of at most 8 / divisor, are rounded twice; exp is within 3
                // roundings; the result is rounded once.
                let bound = (2.0 * 8.0 / divisor + 3.0 + sum.ln().abs()) / f64::from(1 << 24);
                assert!(
                    (f64::from(got) - sum.ln()).abs() <= bound,
                    "{} {n}",
                    k.isa()
                );
                assert_eq!(got.to_bits(), portable.to_bits(), "{}", k.isa());
            }
        }
    }
}

#[test]
fn extremes() {
    for k in isas::all() {
        assert_eq!(top(&k, &[], 4, 1.0), (vec![], f32::NEG_INFINITY));
        let (_, log_sum_exp) = top(&k, &[f32::MAX, f32::MIN, f32::MAX], 1, 1.0);
        assert_eq!(log_sum_exp, f32::MAX);
        // A single logit at a tiny temperature: no infinity divided by itself.
        let (_, log_sum_exp) = top(&k, &[0.0, -1.0], 1, f32::from_bits(1));
        assert_eq!(log_sum_exp, 0.0);
    }
}

#[test]
fn a_logit_that_is_not_finite_is_named() {
    for k in isas::all() {
        for broken in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for index in 0..40 {
                let mut logits = vec![1.0; 41];
                logits[index] = broken;
                logits[40] = broken; // the first of two
                let mut out = vec![];
                let result = k.top_candidates(&logits, 5, 1.0, &mut out);
                assert_eq!(result, Err(NotFinite { index }));
                assert!(out.is_empty());
            }
        }
    }
}

#[test]
#[should_panic(expected = "temperature NaN")]
fn a_temperature_that_is_no_number_panics() {
    let _ = isas::scalar().top_candidates(&[1.0], 1, f32::NAN, &mut vec![]);
}
