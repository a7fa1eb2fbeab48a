//! Conversions: exact, or rounded once.

use dllama_kernels::f16;

use crate::data::Random;
use crate::isas;
use crate::reference::Exact;

/// Lengths around a vector, each from one element into its buffer.
const LENS: std::ops::Range<usize> = 0..35;

fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|x| x.to_bits()).collect()
}

#[test]
fn every_half_is_widened_exactly() {
    let halves: Vec<f16> = (0..=u16::MAX).map(f16::from_bits).collect();
    for k in isas::all() {
        let mut out = vec![0.0; halves.len()];
        k.dequantize_f16(&halves, &mut out);
        for (half, got) in halves.iter().zip(out) {
            let expected = half.values()[0];
            assert!(
                f64::from(got) == expected || (got.is_nan() && expected.is_nan()),
                "{} {half:?}: {got}",
                k.isa()
            );
            assert_eq!(got.is_sign_negative(), half.is_sign_negative());
        }
    }
}

#[test]
fn narrowing_takes_the_nearest_half_and_ties_to_even() {
    let mut x = Vec::new();
    let mut expected = Vec::new();
    for lower in 0..0x7bffu16 {
        let (low, high) = (f16::from_bits(lower), f16::from_bits(lower + 1));
        // Half way between neighbours needs one bit more than f16 has.
        let middle = ((low.values()[0] + high.values()[0]) / 2.0) as f32;
        let even = if lower.is_multiple_of(2) { low } else { high };
        x.extend([middle.next_down(), middle, middle.next_up(), -middle]);
        expected.extend([low, even, high, -even]);
    }
    let huge = [
        65_520f32.next_down(),
        65_520.0,
        f32::MAX,
        f32::INFINITY,
        f32::NEG_INFINITY,
    ];
    x.extend(huge);
    expected.extend([
        f16::MAX,
        f16::INFINITY,
        f16::INFINITY,
        f16::INFINITY,
        f16::NEG_INFINITY,
    ]);
    for k in isas::all() {
        let mut out = vec![f16::NAN; x.len()];
        k.narrow_f16(&x, &mut out);
        assert!(out == expected, "{}", k.isa());
        let mut out = [f16::ZERO; 9];
        k.narrow_f16(&[f32::NAN; 9], &mut out);
        assert!(out.iter().all(|half| half.is_nan()), "{}", k.isa());
    }
}

#[test]
fn lengths_around_a_vector() {
    for k in isas::all() {
        for n in LENS {
            let mut random = Random::new(n as u64);
            let halves = random.halves(n + 1);
            let mut floats = vec![7.0; n + 2];
            k.dequantize_f16(&halves[1..], &mut floats[1..=n]);
            let exact = halves[1..].iter().map(|half| half.values()[0] as f32);
            assert!(floats[1..=n].iter().copied().eq(exact));
            assert_eq!([floats[0], floats[n + 1]], [7.0, 7.0], "wrote outside");

            let mut back = vec![f16::NAN; n + 2];
            k.narrow_f16(&floats[1..=n], &mut back[1..=n]);
            assert_eq!(back[1..=n], halves[1..]);
            assert!(back[0].is_nan() && back[n + 1].is_nan(), "wrote outside");
        }
    }
}

#[test]
fn every_bf16_is_the_upper_half_of_an_f32() {
    let all: Vec<u16> = (0..=u16::MAX).collect();
    for k in isas::all() {
        let mut out = vec![0.0; all.len()];
        k.widen_bf16(&all, &mut out);
        assert!(
            bits(&out)
                .iter()
                .zip(&all)
                .all(|(out, bf16)| *out == u32::from(*bf16) << 16)
        );
        for n in LENS {
            let mut out = vec![0.0; n];
            k.widen_bf16(&all[0x4001..][..n], &mut out);
            assert!(
                bits(&out)
                    .iter()
                    .zip(&all[0x4001..])
                    .all(|(out, bf16)| out >> 16 == u32::from(*bf16))
            );
        }
    }
}

#[test]
fn blocks_are_scale_times_quant_rounded_once() {
    let mut random = Random::new(12);
    for k in isas::all() {
        for n in 0..10 {
            let (q40, q80) = (random.q40(n + 1), random.q80(n + 1));
            let mut out = vec![f32::NAN; n * 32];
            k.dequantize_q40(&q40[1..], &mut out);
            let exact = q40[1..].iter().flat_map(Exact::values).map(|x| x as f32);
            assert!(out.iter().copied().eq(exact), "{} Q40", k.isa());
            k.dequantize_q80(&q80[1..], &mut out);
            let exact = q80[1..].iter().flat_map(Exact::values).map(|x| x as f32);
            assert!(out.iter().copied().eq(exact), "{} Q80", k.isa());
        }
    }
}
